/**
 * Stand-in for `mesh/wire/control-message.ts` in simulations of many nodes: a message that arrives as the bytes that were sent is not
 * decoded again. What is damaged or repeated on the way is another array, and is decoded. Of adverts, which are most of all bytes
 * when many nodes start, only the length is that of the product.
 */
import { MAX_UNIT_BYTES } from '../../../common/protocol.js';
import {
  decodeControl as decode,
  describeControl as describe,
  encodeControl as encode,
} from '../../../mesh/wire/control-message.js';
import type { ControlMessage } from '../../../mesh/wire/control-message.js';

export { CONTROL_TYPES } from '../../../mesh/wire/control-message.js';
export type { ControlMessage, DigestEntry } from '../../../mesh/wire/control-message.js';

/** The message, kept at its bytes (see `advert.ts`). */
const SENT = Symbol('sent');
const ZEROS = new ArrayBuffer(MAX_UNIT_BYTES);
/** Msgpack: the message's array, type, version. */
const HEAD_BYTES = 3;

type Encoded = Uint8Array & { [SENT]?: ControlMessage };

export function encodeControl(message: ControlMessage): Uint8Array {
  const bytes: Encoded = message.type === 'adverts' ? advertsBytes(message.adverts) : encode(message);
  bytes[SENT] = message;
  return bytes;
}

export function decodeControl(bytes: Uint8Array): ControlMessage | null {
  return (bytes as Encoded)[SENT] ?? decode(bytes);
}

/** In words, for a log. */
export function describeControl(bytes: Uint8Array): string {
  const message = (bytes as Encoded)[SENT];
  return describe(message === undefined ? bytes : encode(message));
}

function advertsBytes(adverts: readonly Uint8Array[]): Uint8Array {
  let length = HEAD_BYTES + (adverts.length < 16 ? 1 : 3);
  for (const advert of adverts) length += advert.length + (advert.length < 256 ? 2 : 3);
  return new Uint8Array(ZEROS, 0, length);
}
