import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { DecodeError } from '../errors.js';
import { encodeMessage, MessageDecoder } from './message-stream.js';

const LIMIT_BYTES = 4096;

/** Cuts `bytes` at the given places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const edges = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return edges.slice(1).map((end, i) => bytes.subarray(edges[i], end));
}

describe('message stream', () => {
  it('has the length in front, big-endian', () => {
    expect([...encodeMessage([1, 'a'])]).toEqual([0, 0, 0, 4, 0x92, 0x01, 0xa1, 0x61]);
  });

  it('decodes the same messages in order for any chunks of the stream', () => {
    const message = fc.oneof(fc.integer(), fc.string({ maxLength: 100 }), fc.array(fc.nat(255), { maxLength: 50 }));
    const places = fc.array(fc.nat(), { maxLength: 20 });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 10 }), places, (messages, cuts) => {
        const stream = Buffer.concat(messages.map((value) => encodeMessage(value)));
        const decoder = new MessageDecoder(LIMIT_BYTES);
        expect(cut(stream, cuts).flatMap((chunk) => decoder.push(chunk))).toEqual(messages);
      }),
      { numRuns: fuzzRuns(40) },
    );
  });

  it('decodes a stream that comes byte by byte in a reused buffer', () => {
    const stream = encodeMessage({ text: 'x'.repeat(1000) });
    const decoder = new MessageDecoder(LIMIT_BYTES);
    const reused = new Uint8Array(1);
    const messages = [...stream].flatMap((byte) => {
      reused[0] = byte;
      return decoder.push(reused);
    });
    expect(messages).toEqual([{ text: 'x'.repeat(1000) }]);
  });

  it('decodes a message of the maximum length and refuses one byte more', () => {
    const body = Buffer.concat([Buffer.from([0xda, 0x0f, 0xfd]), Buffer.alloc(LIMIT_BYTES - 3, 'x')]);
    const length = Buffer.from([0, 0, 0x10, 0]);
    expect(new MessageDecoder(LIMIT_BYTES).push(Buffer.concat([length, body]))).toEqual(['x'.repeat(LIMIT_BYTES - 3)]);
    expect(() => new MessageDecoder(LIMIT_BYTES).push(Buffer.from([0, 0, 0x10, 1]))).toThrow(
      'message has length 4097, expected at most 4096 bytes',
    );
    expect(() => new MessageDecoder(LIMIT_BYTES).push(Buffer.from([0xff, 0xff, 0xff, 0xff]))).toThrow(DecodeError);
  });

  it('refuses an empty message', () => {
    expect(() => new MessageDecoder(LIMIT_BYTES).push(new Uint8Array(4))).toThrow(DecodeError);
  });

  it('throws the same error for every chunk after an error', () => {
    const decoder = new MessageDecoder(LIMIT_BYTES);
    expect(() => decoder.push(Uint8Array.of(0, 0, 0, 1, 0xc1))).toThrow(DecodeError);
    expect(() => decoder.push(encodeMessage(1))).toThrow(DecodeError);
    expect(() => decoder.push(new Uint8Array(0))).toThrow(DecodeError);
  });

  it('decodes any bytes or throws a DecodeError', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 20 }), (chunks) => {
        const decoder = new MessageDecoder(LIMIT_BYTES);
        try {
          for (const chunk of chunks) expect(Array.isArray(decoder.push(chunk))).toBe(true);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: fuzzRuns(40) },
    );
  });
});
