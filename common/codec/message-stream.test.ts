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
  it('puts the length in front, big-endian', () => {
    expect([...encodeMessage([1, 'a'])]).toEqual([0, 0, 0, 4, 0x92, 0x01, 0xa1, 0x61]);
  });

  it('gives back the same messages in order, however the stream is cut', () => {
    const message = fc.oneof(fc.integer(), fc.string({ maxLength: 100 }), fc.array(fc.nat(255), { maxLength: 50 }));
    const places = fc.array(fc.nat(), { maxLength: 20 });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 10 }), places, (messages, cuts) => {
        const stream = Buffer.concat(messages.map((value) => encodeMessage(value)));
        const decoder = new MessageDecoder(LIMIT_BYTES);
        expect(cut(stream, cuts).flatMap((chunk) => decoder.push(chunk))).toEqual(messages);
      }),
      { numRuns: fuzzRuns(300) },
    );
  });

  it('takes a stream byte by byte, from a buffer that is reused', () => {
    const stream = encodeMessage({ text: 'x'.repeat(1000) });
    const decoder = new MessageDecoder(LIMIT_BYTES);
    const reused = new Uint8Array(1);
    const messages = [...stream].flatMap((byte) => {
      reused[0] = byte;
      return decoder.push(reused);
    });
    expect(messages).toEqual([{ text: 'x'.repeat(1000) }]);
  });

  it('takes a message of exactly the limit and refuses the announcement of one byte more', () => {
    const body = Buffer.concat([Buffer.from([0xda, 0x0f, 0xfd]), Buffer.alloc(LIMIT_BYTES - 3, 'x')]);
    const length = Buffer.from([0, 0, 0x10, 0]);
    expect(new MessageDecoder(LIMIT_BYTES).push(Buffer.concat([length, body]))).toEqual(['x'.repeat(LIMIT_BYTES - 3)]);
    expect(() => new MessageDecoder(LIMIT_BYTES).push(Buffer.from([0, 0, 0x10, 1]))).toThrow(
      'message announces 4097 bytes, the limit is 4096',
    );
    expect(() => new MessageDecoder(LIMIT_BYTES).push(Buffer.from([0xff, 0xff, 0xff, 0xff]))).toThrow(DecodeError);
  });

  it('refuses an empty message', () => {
    expect(() => new MessageDecoder(LIMIT_BYTES).push(new Uint8Array(4))).toThrow(DecodeError);
  });

  it('stays broken after an error, whatever comes next', () => {
    const decoder = new MessageDecoder(LIMIT_BYTES);
    expect(() => decoder.push(Uint8Array.of(0, 0, 0, 1, 0xc1))).toThrow(DecodeError);
    expect(() => decoder.push(encodeMessage(1))).toThrow(DecodeError);
    expect(() => decoder.push(new Uint8Array(0))).toThrow(DecodeError);
  });

  it('either gives values or throws a DecodeError for any bytes at all', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 20 }), (chunks) => {
        const decoder = new MessageDecoder(LIMIT_BYTES);
        try {
          for (const chunk of chunks) expect(Array.isArray(decoder.push(chunk))).toBe(true);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: fuzzRuns(300) },
    );
  });
});
