/**
 * Stand-in for `mesh/wire/control-message.ts` in simulations of many nodes: a message that arrives as the bytes that were sent is not
 * decoded again. What is damaged or repeated on the way is another array, and is decoded. Of the messages that are most of all
 * bytes when many nodes start or rest, only the length is that of the product (`message-lengths.ts`).
 */
import { MAX_UNIT_BYTES } from '../../../common/protocol.js';
import {
  decodeControl as decode,
  describeControl as describe,
  encodeControl as encode,
} from '../../../mesh/wire/control-message.js';
import type { ControlMessage } from '../../../mesh/wire/control-message.js';
import { lengthOf } from './message-lengths.js';

export { CONTROL_TYPES } from '../../../mesh/wire/control-message.js';
export type { ControlMessage, DigestEntry } from '../../../mesh/wire/control-message.js';

/** The message, kept at its bytes (see `advert.ts`). */
const SENT = Symbol('sent');
const ZEROS = new ArrayBuffer(MAX_UNIT_BYTES);

type Encoded = Uint8Array & { [SENT]?: ControlMessage };

export function encodeControl(message: ControlMessage): Uint8Array {
  const length = lengthOf(message) ?? Infinity;
  const bytes: Encoded = length <= MAX_UNIT_BYTES ? new Uint8Array(ZEROS, 0, length) : encode(message);
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
