/**
 * Length-prefixed messages over a byte stream: `u32 big-endian length`, then that many bytes of msgpack.
 * Pure framing: feed chunks in, take values out. Bounded by `maxMessageBytes`; a longer announcement is an error, after
 * which the stream must be closed.
 */
import { DecodeError } from './errors.js';
import { decodeMsgpack, encodeMsgpack } from './msgpack.js';

const LENGTH_BYTES = 4;

/** One message with its length in front. */
export function encodeMessage(value: unknown): Uint8Array {
  const body = encodeMsgpack(value);
  const out = new Uint8Array(LENGTH_BYTES + body.length);
  new DataView(out.buffer).setUint32(0, body.length);
  out.set(body, LENGTH_BYTES);
  return out;
}

export class MessageDecoder {
  /** Bounded by maxMessageBytes plus one chunk of the stream. */
  #pending: Buffer = Buffer.alloc(0);

  constructor(readonly maxMessageBytes: number) {}

  /** Returns every message completed by `chunk`. Throws {@link DecodeError}; the decoder is unusable afterwards. */
  push(chunk: Uint8Array): unknown[] {
    this.#pending = this.#pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#pending, chunk]);
    const messages: unknown[] = [];
    while (this.#pending.length >= LENGTH_BYTES) {
      const length = this.#pending.readUInt32BE(0);
      if (length > this.maxMessageBytes) {
        throw new DecodeError(`message announces ${length} bytes, the limit is ${this.maxMessageBytes}`);
      }
      if (this.#pending.length < LENGTH_BYTES + length) break;
      messages.push(decodeMsgpack(this.#pending.subarray(LENGTH_BYTES, LENGTH_BYTES + length), this.maxMessageBytes));
      this.#pending = this.#pending.subarray(LENGTH_BYTES + length);
    }
    return messages;
  }
}
