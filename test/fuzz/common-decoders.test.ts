import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cidrAddressAt, cidrContains, cidrNetwork, cidrSize, parseCidr } from '../../common/address/cidr.js';
import { AddressError, DecodeError } from '../../common/errors.js';
import { ipFromBytes, ipToBytes, parseIpAddress } from '../../common/address/ip-address.js';
import { parseMacAddress } from '../../common/address/mac-address.js';
import { encodeMessage, MessageDecoder } from '../../common/codec/message-stream.js';
import { decodeMsgpack, encodeMsgpack } from '../../common/codec/msgpack.js';
import { parseNodeId } from '../../common/node-id.js';
import { formatSocketAddress, parseSocketAddress } from '../../common/address/socket-address.js';
import { fuzzRuns } from './fuzz-runs.js';

const RUNS = { numRuns: fuzzRuns(80) };
const LIMIT_BYTES = 64 << 10;

/** Damaged msgpack: arbitrary bytes, valid values with some bytes changed, and truncated values. */
const hostileBytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.tuple(fc.anything({ maxDepth: 3, withNullPrototype: false }), edits()).map(([value, changes]) => {
    const bytes = Uint8Array.from(encodeMsgpack(plain(value)));
    for (const { at, to } of changes) if (bytes.length > 0) bytes[at % bytes.length] = to;
    return bytes;
  }),
  fc.tuple(fc.jsonValue(), fc.nat()).map(([value, cut]) => {
    const bytes = encodeMsgpack(value);
    return bytes.subarray(0, cut % (bytes.length + 1));
  }),
);

/** Changed bytes are often headers, where decoders have most branches. */
function edits(): fc.Arbitrary<{ at: number; to: number }[]> {
  const header = fc.constantFrom(
    0x80,
    0x8f,
    0x90,
    0x9f,
    0xa1,
    0xbf,
    0xc1,
    0xc4,
    0xc6,
    0xc7,
    0xc9,
    0xd4,
    0xd8,
    0xdb,
    0xdd,
    0xdf,
  );
  return fc.array(fc.record({ at: fc.nat(200), to: fc.oneof(header, fc.nat(255)) }), { maxLength: 4 });
}

/** What JSON can hold of it, which msgpack can then encode. */
function plain(value: unknown): unknown {
  const text = JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? Number(part) : part)) as
    string | undefined;
  return text === undefined ? null : (JSON.parse(text) as unknown);
}

/** Text made of the characters that addresses are made of. */
const addressLike = fc.oneof(
  fc.string({ maxLength: 60 }),
  fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEF.:/[]%x- '), maxLength: 50 }),
  fc
    .tuple(
      fc.oneof(fc.ipV4(), fc.ipV6(), fc.ipV4Extended()),
      fc.constantFrom('', '/', '/8', '/33', ':1', '%1', ' '),
      fc.nat(200),
    )
    .map(([address, suffix, prefix]) => `${address}${suffix}${suffix === '/' ? prefix : ''}`),
);

/** The value, or null when it was refused with a DecodeError. */
function outcome<T>(decode: () => T, refusal: typeof AddressError | typeof DecodeError): T | null {
  try {
    return decode();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(refusal);
    return null;
  }
}

/** Depth, and that there is nothing but plain data. */
function depthOfPlain(value: unknown): number {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return 0;
  if (!Array.isArray(value)) expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  return 1 + Math.max(0, ...Object.values(value).map(depthOfPlain));
}

describe('fuzzed bytes', () => {
  it('decode to plain data of bounded depth, or are refused', () => {
    fc.assert(
      fc.property(hostileBytes, (bytes) => {
        const before = Uint8Array.from(bytes);
        const value = outcome(() => decodeMsgpack(bytes, LIMIT_BYTES), DecodeError);
        expect(depthOfPlain(value)).toBeLessThanOrEqual(32);
        expect(bytes).toEqual(before);
      }),
      RUNS,
    );
  });

  it('that decode can be encoded again, and then stay the same', () => {
    fc.assert(
      fc.property(hostileBytes, (bytes) => {
        const value = outcome(() => decodeMsgpack(bytes, LIMIT_BYTES), DecodeError);
        const again = decodeMsgpack(encodeMsgpack(value), 2 * LIMIT_BYTES);
        // Not compared with the first: a float -0 becomes the integer 0, and a repeated key is gone.
        expect(decodeMsgpack(encodeMsgpack(again), 2 * LIMIT_BYTES)).toEqual(again);
      }),
      RUNS,
    );
  });

  it('on a stream give values or one DecodeError, and hostile bytes never change what came before', () => {
    fc.assert(
      fc.property(fc.jsonValue(), hostileBytes, fc.nat(), (first, hostile, cut) => {
        const message = encodeMessage(first);
        const decoder = new MessageDecoder(LIMIT_BYTES);
        const expected: unknown = decodeMsgpack(encodeMsgpack(first), LIMIT_BYTES);
        expect(decoder.push(message)).toEqual([expected]);
        const at = cut % (hostile.length + 1);
        outcome(() => [decoder.push(hostile.subarray(0, at)), decoder.push(hostile.subarray(at))], DecodeError);
      }),
      RUNS,
    );
  });
});

describe('fuzzed text', () => {
  it('is an IP address in canonical form, or refused', () => {
    fc.assert(
      fc.property(addressLike, (text) => {
        const address = outcome(() => parseIpAddress(text), AddressError);
        if (address === null) return;
        expect(parseIpAddress(address)).toBe(address);
        if (!address.startsWith('::ffff:')) expect(ipFromBytes(ipToBytes(address))).toBe(address);
      }),
      RUNS,
    );
  });

  it('is a CIDR in canonical form that contains its own first and last address, or refused', () => {
    fc.assert(
      fc.property(addressLike, (text) => {
        const cidr = outcome(() => parseCidr(text), AddressError);
        if (cidr === null) return;
        expect(parseCidr(cidr)).toBe(cidr);
        expect(cidrContains(cidr, cidrNetwork(cidr))).toBe(true);
        expect(cidrContains(cidr, cidrAddressAt(cidr, cidrSize(cidr) - 1n))).toBe(true);
      }),
      RUNS,
    );
  });

  it('is a socket address that reads back, or refused', () => {
    fc.assert(
      fc.property(addressLike, fc.option(fc.integer({ min: 1, max: 65535 }), { nil: undefined }), (text, port) => {
        const address = outcome(() => parseSocketAddress(text, port), AddressError);
        if (address !== null) expect(parseSocketAddress(formatSocketAddress(address))).toEqual(address);
      }),
      RUNS,
    );
  });

  it('is a MAC address or a node id in canonical form, or refused', () => {
    fc.assert(
      fc.property(addressLike, (text) => {
        const mac = outcome(() => parseMacAddress(text), AddressError);
        if (mac !== null) expect(parseMacAddress(mac)).toBe(mac);
        const id = outcome(() => parseNodeId(text), DecodeError);
        if (id !== null) expect(id).toMatch(/^[0-9a-f]{32}$/);
      }),
      RUNS,
    );
  });
});
