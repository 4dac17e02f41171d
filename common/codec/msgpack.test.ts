import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { anyText } from '../../test/fuzz/any-text.js';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { DecodeError } from '../errors.js';
import { decodeMsgpack, encodeMsgpack } from './msgpack.js';

const LIMIT_BYTES = 64 << 10;
const decode = (...bytes: number[]): unknown => decodeMsgpack(Uint8Array.from(bytes), LIMIT_BYTES);
const ascii = (text: string): number[] => [...Buffer.from(text, 'latin1')];

/** Values that messages may hold. */
const plainValues = fc.letrec((tie) => ({
  leaf: fc.oneof(
    fc.string(),
    anyText(300),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true }).filter((value) => !Object.is(value, -0)), // an integer on the wire: it has no sign
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 300 }),
  ),
  node: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    tie('leaf'),
    fc.array(tie('node'), { maxLength: 20 }),
    fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      tie('node'),
      { maxKeys: 20, noNullPrototype: true },
    ),
  ),
})).node;

describe('msgpack', () => {
  it('decodes what it encodes', () => {
    fc.assert(
      fc.property(plainValues, (value) => {
        expect(decodeMsgpack(encodeMsgpack(value), 1 << 20)).toEqual(value);
      }),
      { numRuns: fuzzRuns(40) },
    );
  });

  it('shares no memory with its input and gives bytes as plain Uint8Array', () => {
    const input = Buffer.from(encodeMsgpack({ bytes: Uint8Array.of(1, 2, 3) }));
    const { bytes } = decodeMsgpack(input, LIMIT_BYTES) as { bytes: Uint8Array };
    input.fill(0xff);
    expect(bytes.constructor).toBe(Uint8Array);
    expect([...bytes]).toEqual([1, 2, 3]);
  });

  it('encodes undefined as null', () => {
    expect(decodeMsgpack(encodeMsgpack([undefined]), LIMIT_BYTES)).toEqual([null]);
  });
});

describe('hostile msgpack', () => {
  it.each([
    ['nothing', []],
    ['two values', [0x01, 0x02]],
    ['the never-used byte', [0xc1]],
    ['a truncated integer', [0xce, 0x00]],
    ['a truncated 64-bit integer', [0xcf, 0x00]],
    ['a truncated float', [0xcb, 0x00]],
    ['a truncated string', [0xa5, ...ascii('abc')]],
    ['a truncated length', [0xda, 0x00]],
    ['an array of 2^31-1 values in 5 bytes', [0xdd, 0x7f, 0xff, 0xff, 0xff]],
    ['an array of 2^32-1 values in 5 bytes', [0xdd, 0xff, 0xff, 0xff, 0xff]],
    ['a map of 2^31-1 entries in 5 bytes', [0xdf, 0x7f, 0xff, 0xff, 0xff]],
    ['a string of 2^31-1 bytes in 5 bytes', [0xdb, 0x7f, 0xff, 0xff, 0xff]],
    ['a byte string of 2^31-1 bytes in 5 bytes', [0xc6, 0x7f, 0xff, 0xff, 0xff]],
    ['an extension of 2^31-1 bytes', [0xc9, 0x7f, 0xff, 0xff, 0xff, 0x01]],
    ['nested arrays that each announce too much', [0xdd, 0x7f, 0xff, 0xff, 0xff, 0xdd, 0x7f, 0xff, 0xff, 0xff]],
    ['a map with a number as key', [0x81, 0x01, 0x02]],
    ['a map with a map as key', [0x81, 0x80, 0x02]],
    ['an integer above 2^53', [0xcf, 0x00, 0x20, 0, 0, 0, 0, 0, 0]],
    ['an integer below -2^53', [0xd3, 0xff, 0xdf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
  ])('refuses %s', (_name, bytes) => {
    expect(() => decode(...bytes)).toThrow(DecodeError);
  });

  it.each([0x00, 0x01, 0x42, 0x62, 0x65, 0x69, 0x70, 0x72, 0x73, 0x74, 0x78, 0xff])(
    'refuses extension type 0x%s in every one of its sizes',
    (type) => {
      const bodies = [1, 2, 4, 8, 16].map((size, i) => [0xd4 + i, type, ...new Array<number>(size).fill(0)]);
      const sized = [
        [0xc7, 1, type, 0x90],
        [0xc8, 0, 1, type, 0x90],
        [0xc9, 0, 0, 0, 1, type, 0x90],
      ];
      for (const body of [...bodies, ...sized]) {
        expect(() => decode(...body)).toThrow(DecodeError);
        expect(() => decode(0x91, ...body)).toThrow(DecodeError);
      }
    },
  );

  it('refuses records, regular expressions, sets and cycles', () => {
    const record = [0xd4, 0x72, 0x40, 0x91, 0xa1, ...ascii('a'), 0x01];
    const regularExpression = [0xd4, 0x78, 0x00, 0x92, 0xa4, ...ascii('(a+)'), 0xa0];
    const set = [0xd4, 0x73, 0x00, 0x91, 0x01];
    const cycle = [0xd6, 0x69, 0, 0, 0, 1, 0x91, 0xd6, 0x70, 0, 0, 0, 1];
    for (const bytes of [record, regularExpression, set, cycle]) expect(() => decode(...bytes)).toThrow(DecodeError);
  });

  it('decodes 0x40 to 0x7f as integers, also after a message that defines a record', () => {
    expect(() => decode(0xd4, 0x72, 0x40, 0x91, 0xa1, ...ascii('a'), 0x01)).toThrow(DecodeError);
    expect(decode(0x92, 0x40, 0x7f)).toEqual([0x40, 0x7f]);
  });

  it.each([33, 5_000, 60_000, 1_000_000])('refuses arrays and maps nested %d deep', (depth) => {
    const arrays = new Uint8Array(depth).fill(0x91);
    expect(() => decodeMsgpack(arrays, depth)).toThrow(DecodeError);
    const maps = Uint8Array.from({ length: depth * 2 }, (_, i) => (i % 2 === 0 ? 0x81 : 0xa0));
    expect(() => decodeMsgpack(maps, depth * 2)).toThrow(DecodeError);
  });

  it('accepts 32 levels', () => {
    const bytes = new Uint8Array(33).fill(0x91);
    bytes[32] = 0x2a;
    expect(JSON.stringify(decodeMsgpack(bytes, LIMIT_BYTES))).toBe('['.repeat(32) + '42' + ']'.repeat(32));
  });

  it('refuses a message above the limit of the caller without reading it', () => {
    expect(() => decodeMsgpack(new Uint8Array(11).fill(0x91), 10)).toThrow(
      'message of 11 bytes exceeds the limit of 10',
    );
  });

  it('refuses more than a million values, also in few bytes', () => {
    const bytes = new Uint8Array(5 + (1 << 20)).fill(0x80);
    bytes.set([0xdd, 0x00, 0x10, 0x00, 0x00]);
    expect(() => decodeMsgpack(bytes, 1 << 24)).toThrow('more than 1048576 values');
  });

  it('does not set a prototype from a __proto__ key', () => {
    const value = decode(0x81, 0xa9, ...ascii('__proto__'), 0x81, 0xa8, ...ascii('polluted'), 0xc3) as object;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect('polluted' in value).toBe(false);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('has no byte of the message in its error', () => {
    const secret = 'hunter2-hunter2';
    expect(() => decode(0xa0 + secret.length, ...ascii(secret), 0x01)).toThrow(/^((?!hunter2).)*$/s);
  });
});
