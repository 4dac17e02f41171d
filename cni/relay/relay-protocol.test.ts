import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { DecodeError } from '../../common/errors.js';
import {
  decodeRelayRequest,
  decodeRelayResponse,
  encodeRelayRequest,
  encodeRelayResponse,
  MAX_REQUEST_BYTES,
} from './relay-protocol.js';

const text = (value: string) => Buffer.from(value);
const value = fc.string({ unit: 'grapheme' }).filter((candidate) => !candidate.includes('\0'));
const key = fc.stringMatching(/^CNI_[A-Z0-9_]{1,20}$/);

describe('the relay protocol', () => {
  it('has the bytes of its picture', () => {
    const request = { env: new Map([['CNI_COMMAND', 'ADD']]), stdin: text('{}') };
    expect(Buffer.from(encodeRelayRequest(request)).toString()).toBe('heddle-cni/1\0CNI_COMMAND=ADD\0\0{}');
    expect([...encodeRelayResponse({ exitCode: 1, stdout: 'x' })]).toEqual([1, 0x78]);
  });

  it('decodes every request it encodes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(key, value), { maxLength: 64 }), fc.uint8Array(), (entries, stdin) => {
        const env = new Map(entries);
        const decoded = decodeRelayRequest(encodeRelayRequest({ env, stdin }));
        expect(decoded.env).toEqual(env);
        expect(Buffer.from(decoded.stdin).equals(stdin)).toBe(true);
      }),
      { numRuns: fuzzRuns(40) },
    );
  });

  it('decodes every response it encodes', () => {
    fc.assert(
      fc.property(fc.nat({ max: 255 }), fc.string({ unit: 'grapheme' }), (exitCode, stdout) => {
        expect(decodeRelayResponse(encodeRelayResponse({ exitCode, stdout }))).toEqual({ exitCode, stdout });
      }),
      { numRuns: fuzzRuns(40) },
    );
  });

  it.each([
    ['nothing', ''],
    ['another protocol', 'GET / HTTP/1.1\r\n\r\n\0'],
    ['a cut environment', 'heddle-cni/1\0CNI_COMMAND=ADD'],
    ['no end of the environment', 'heddle-cni/1\0CNI_COMMAND=ADD\0'],
    ['a variable of another program', 'heddle-cni/1\0PATH=/bin\0\0'],
    ['an entry without a value', 'heddle-cni/1\0CNI_COMMAND\0\0'],
    ['a variable twice', 'heddle-cni/1\0CNI_ARGS=a\0CNI_ARGS=b\0\0'],
    ['too many variables', `heddle-cni/1\0${Array.from({ length: 65 }, (_, i) => `CNI_X${i}=1\0`).join('')}\0`],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeRelayRequest(text(bytes))).toThrow(DecodeError);
  });

  it('refuses a request above the limit', () => {
    const stdin = new Uint8Array(MAX_REQUEST_BYTES);
    expect(() => decodeRelayRequest(encodeRelayRequest({ env: new Map(), stdin }))).toThrow('exceeds the limit');
  });

  it('refuses an empty response', () => {
    expect(() => decodeRelayResponse(new Uint8Array())).toThrow(DecodeError);
  });

  it('throws only DecodeError on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, plausible) => {
        try {
          decodeRelayRequest(plausible ? Buffer.concat([text('heddle-cni/1\0'), bytes]) : bytes);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: fuzzRuns(40) },
    );
  });
});
