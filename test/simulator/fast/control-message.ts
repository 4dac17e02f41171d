/**
 * Stand-in for `mesh/wire/control-message.ts` in simulations of many nodes: a message that arrives as the bytes that were sent is not
 * decoded again. What is damaged or repeated on the way is another array, and is decoded.
 */
import { decodeControl as decode, encodeControl as encode } from '../../../mesh/wire/control-message.js';
import type { ControlMessage } from '../../../mesh/wire/control-message.js';

export { CONTROL_TYPES, describeControl } from '../../../mesh/wire/control-message.js';
export type { ControlMessage, DigestEntry } from '../../../mesh/wire/control-message.js';

/** The message, kept at its bytes (see `advert.ts`). */
const SENT = Symbol('sent');

type Encoded = Uint8Array & { [SENT]?: ControlMessage };

export function encodeControl(message: ControlMessage): Uint8Array {
  const bytes: Encoded = encode(message);
  bytes[SENT] = message;
  return bytes;
}

export function decodeControl(bytes: Uint8Array): ControlMessage | null {
  return (bytes as Encoded)[SENT] ?? decode(bytes);
}
