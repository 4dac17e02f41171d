/**
 * Framing of messages over a byte stream: `u32 big-endian length`, then that many bytes of msgpack. Pure. A length above
 * `maxMessageBytes` is an error, after which the stream must be closed.
 */
import { DecodeError } from '../errors.js';
import { decodeMsgpack, encodeMsgpack } from './msgpack.js';

const LENGTH_BYTES = 4;

/** A message with its length prefix. */
export function encodeMessage(value: unknown): Uint8Array {
  const body = encodeMsgpack(value);
  const out = new Uint8Array(LENGTH_BYTES + body.length);
  new DataView(out.buffer).setUint32(0, body.length);
  out.set(body, LENGTH_BYTES);
  return out;
}

export class MessageDecoder {
  /** Bounded by twice (maxMessageBytes plus one chunk of the stream); released when empty. */
  #buffer = new Uint8Array(0);
  #usedBytes = 0;
  #broken: DecodeError | null = null;

  constructor(readonly maxMessageBytes: number) {}

  /**
   * Returns every message completed by `chunk`, which is copied. Throws {@link DecodeError}; the decoder is unusable
   * afterwards and throws the same error again.
   */
  push(chunk: Uint8Array): unknown[] {
    if (this.#broken !== null) throw this.#broken;
    this.#append(chunk);
    try {
      return this.#takeMessages();
    } catch (thrown) {
      this.#broken =
        thrown instanceof DecodeError ? thrown : new DecodeError('message stream failed', { cause: thrown });
      this.#buffer = new Uint8Array(0);
      throw this.#broken;
    }
  }

  #append(chunk: Uint8Array): void {
    const neededBytes = this.#usedBytes + chunk.length;
    if (neededBytes > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(neededBytes, 2 * this.#usedBytes));
      grown.set(this.#buffer.subarray(0, this.#usedBytes));
      this.#buffer = grown;
    }
    this.#buffer.set(chunk, this.#usedBytes);
    this.#usedBytes = neededBytes;
  }

  #takeMessages(): unknown[] {
    const messages: unknown[] = [];
    const view = new DataView(this.#buffer.buffer);
    let start = 0;
    while (this.#usedBytes - start >= LENGTH_BYTES) {
      const length = view.getUint32(start);
      if (length > this.maxMessageBytes) {
        throw new DecodeError(`message has length ${length}, expected at most ${this.maxMessageBytes} bytes`);
      }
      const end = start + LENGTH_BYTES + length;
      if (this.#usedBytes < end) break;
      messages.push(decodeMsgpack(this.#buffer.subarray(start + LENGTH_BYTES, end), this.maxMessageBytes));
      start = end;
    }
    this.#usedBytes -= start;
    if (this.#usedBytes === 0) this.#buffer = new Uint8Array(0);
    else this.#buffer.copyWithin(0, start, start + this.#usedBytes);
    return messages;
  }
}
