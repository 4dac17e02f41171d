import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import {
  cidrAddressAt,
  cidrContains,
  cidrFamily,
  cidrIncludes,
  cidrNetwork,
  cidrPrefix,
  cidrSize,
  cidrsOverlap,
  gatewayOf,
  parseCidr,
} from './cidr.js';
import type { Cidr } from './cidr.js';
import { AddressError } from '../errors.js';
import { ADDRESS_BITS, ipFromBigInt, parseIpAddress } from './ip-address.js';
import type { IpFamily } from './ip-address.js';

/** Any canonical block of either family. */
const blocks = fc.constantFrom<IpFamily>(4, 6).chain((family) => {
  const bits = ADDRESS_BITS[family];
  return fc
    .tuple(fc.integer({ min: 0, max: bits }), fc.bigInt(0n, (1n << BigInt(bits)) - 1n))
    .map(([prefix, value]) => {
      const hostBits = BigInt(bits - prefix);
      return parseCidr(`${ipFromBigInt((value >> hostBits) << hostBits, family)}/${prefix}`);
    });
});

const addresses = fc
  .constantFrom<IpFamily>(4, 6)
  .chain((family) =>
    fc.bigInt(0n, (1n << BigInt(ADDRESS_BITS[family])) - 1n).map((value) => ipFromBigInt(value, family)),
  );

/** Pairs of blocks that often include or overlap each other. */
const pairs = fc.oneof(
  fc.tuple(blocks, blocks),
  fc.tuple(blocks, fc.nat(128)).map(([block, cut]): [Cidr, Cidr] => {
    const prefix = Math.min(cidrPrefix(block), cut);
    const hostBits = BigInt(ADDRESS_BITS[cidrFamily(block)] - prefix);
    const value = (BigInt(addressValue(block)) >> hostBits) << hostBits;
    return [parseCidr(`${ipFromBigInt(value, cidrFamily(block))}/${prefix}`), block];
  }),
);

function addressValue(block: Cidr): bigint {
  return ipaddr
    .parse(cidrNetwork(block))
    .toByteArray()
    .reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

describe('parseCidr', () => {
  it.each([
    ['10.1.1.0/24', '10.1.1.0/24'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['192.0.2.1/32', '192.0.2.1/32'],
    ['FD00:0:0::/48', 'fd00::/48'],
    ['::/0', '::/0'],
    ['fd00::1/128', 'fd00::1/128'],
  ])('reads %s as %s', (text, canonical) => {
    expect(parseCidr(text)).toBe(canonical);
  });

  it.each([
    ...['', '10.0.0.0', '10.0.0.0/', '/8', '10.0.0.0/33', '::/129', '10.0.0.0/-1', '10.0.0.0/08', '10.0.0.0/8/8'],
    ...[
      '010.0.0.0/8',
      '10.0.0/8',
      '10.0.0.0/255.0.0.0',
      '10.0.0.0/8 ',
      '10.0.0.0/1e1',
      '10.0.0.0/ 8',
      'fe80::%eth0/64',
    ],
  ])('refuses %j', (text) => {
    expect(() => parseCidr(text)).toThrow(AddressError);
  });

  it('refuses host bits and suggests the block without them', () => {
    expect(() => parseCidr('10.1.1.1/24')).toThrow('"10.1.1.1/24" has host bits set (did you mean 10.1.1.0/24?)');
    expect(() => parseCidr('fd00::1/64')).toThrow('(did you mean fd00::/64?)');
  });
});

describe('CIDR arithmetic', () => {
  it('gives family, prefix length, network, size and gateway of a block', () => {
    const block = parseCidr('10.1.2.0/24');
    expect([cidrFamily(block), cidrPrefix(block), cidrNetwork(block), cidrSize(block)]).toEqual([
      4,
      24,
      '10.1.2.0',
      256n,
    ]);
    expect(cidrSize(parseCidr('::/0'))).toBe(1n << 128n);
    expect(gatewayOf(block)).toBe('10.1.2.1');
    expect(gatewayOf(parseCidr('fd00:1::/64'))).toBe('fd00:1::1');
  });

  it('refuses an offset outside the block, also the gateway of a block of one address', () => {
    const block = parseCidr('10.1.2.0/24');
    expect(cidrAddressAt(block, 255n)).toBe('10.1.2.255');
    expect(() => cidrAddressAt(block, 256n)).toThrow('offset 256 is outside 10.1.2.0/24');
    expect(() => cidrAddressAt(block, -1n)).toThrow(AddressError);
    expect(() => gatewayOf(parseCidr('10.1.2.3/32'))).toThrow(AddressError);
  });

  it('contains exactly the addresses that ipaddr.js matches', () => {
    fc.assert(
      fc.property(blocks, addresses, (block, address) => {
        const parsed = ipaddr.parse(address);
        const expected =
          parsed.kind() === ipaddr.parse(cidrNetwork(block)).kind() && parsed.match(ipaddr.parseCIDR(block));
        expect(cidrContains(block, address)).toBe(expected);
      }),
      { numRuns: fuzzRuns(60) },
    );
  });

  it('contains its first and last address and not the next', () => {
    fc.assert(
      fc.property(blocks, (block) => {
        const last = cidrAddressAt(block, cidrSize(block) - 1n);
        expect(cidrContains(block, cidrNetwork(block))).toBe(true);
        expect(cidrContains(block, last)).toBe(true);
        const next = addressValue(block) + cidrSize(block);
        fc.pre(next >> BigInt(ADDRESS_BITS[cidrFamily(block)]) === 0n);
        expect(cidrContains(block, ipFromBigInt(next, cidrFamily(block)))).toBe(false);
      }),
      { numRuns: fuzzRuns(40) },
    );
  });

  it('includes a block when it contains its first and last address; overlap is inclusion one way or the other', () => {
    fc.assert(
      fc.property(pairs, ([outer, inner]) => {
        const ends = [cidrNetwork(inner), cidrAddressAt(inner, cidrSize(inner) - 1n)];
        expect(cidrIncludes(outer, inner)).toBe(ends.every((address) => cidrContains(outer, address)));
        expect(cidrsOverlap(outer, inner)).toBe(cidrsOverlap(inner, outer));
        expect(cidrsOverlap(outer, inner)).toBe(
          ends.some((address) => cidrContains(outer, address)) || cidrContains(inner, cidrNetwork(outer)),
        );
      }),
      { numRuns: fuzzRuns(60) },
    );
  });

  it('finds no overlap between families', () => {
    expect(cidrContains(parseCidr('0.0.0.0/0'), parseIpAddress('::'))).toBe(false);
    expect(cidrsOverlap(parseCidr('0.0.0.0/0'), parseCidr('::/0'))).toBe(false);
  });
});
