import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import type { Cidr } from '../../common/address/cidr.js';
import { cidrContains, cidrPrefix, parseCidr } from '../../common/address/cidr.js';
import { ADDRESS_BITS, ipFromBigInt, ipToBigInt, parseIpAddress } from '../../common/address/ip-address.js';
import type { IpAddress, IpFamily } from '../../common/address/ip-address.js';
import { addressWords, PrefixTable } from './prefix-table.js';

const lookup = (table: PrefixTable, address: IpAddress) => table.lookup(...addressWords(address));

/** Reference: a scan over all prefixes. */
function scan(entries: readonly { cidr: Cidr; value: number }[], address: IpAddress): number {
  const holding = entries.filter(({ cidr }) => cidrContains(cidr, address));
  return holding.sort((a, b) => cidrPrefix(b.cidr) - cidrPrefix(a.cidr))[0]?.value ?? -1;
}

const family = fc.constantFrom<IpFamily>(4, 6);
/** Few high bits vary, so that prefixes nest and addresses hit. */
const address = family.chain((version) =>
  fc.tuple(fc.bigInt(0n, 7n), fc.bigInt(0n, 0xffffn)).map(([high, low]) => {
    const bits = BigInt(ADDRESS_BITS[version]);
    return ipFromBigInt((high << (bits - 3n)) | (low << 4n), version);
  }),
);
const cidr = fc.tuple(address, fc.integer({ min: 0, max: 32 })).map(([ip, prefix]) => {
  const bits = BigInt(ip.includes(':') ? 128 : 32);
  const shift = bits - BigInt(prefix);
  const value = ipToBigInt(ip);
  return parseCidr(`${ipFromBigInt((value >> shift) << shift, ip.includes(':') ? 6 : 4)}/${prefix}`);
});

describe('the prefix table', () => {
  it('finds what a scan over all prefixes finds', () => {
    fc.assert(
      fc.property(fc.uniqueArray(cidr, { maxLength: 40 }), fc.array(address, { maxLength: 40 }), (cidrs, addresses) => {
        const entries = cidrs.map((block, value) => ({ cidr: block, value }));
        const table = new PrefixTable(entries);
        for (const ip of addresses) expect(lookup(table, ip)).toBe(scan(entries, ip));
      }),
      { numRuns: fuzzRuns(40) },
    );
  });

  it('is empty without prefixes', () => {
    expect(lookup(new PrefixTable([]), parseIpAddress('10.0.0.1'))).toBe(-1);
  });

  it('finds what a scan over the rest finds when values were removed', () => {
    const few = fc.integer({ min: 0, max: 3 });
    const entry = fc.record({ cidr, value: few });
    const input = [fc.uniqueArray(entry, { maxLength: 40, selector: (e) => e.cidr }), few, fc.array(address)] as const;
    fc.assert(
      fc.property(...input, (entries, removed, addresses) => {
        const table = new PrefixTable(entries);
        table.remove(removed);
        const rest = entries.filter(({ value }) => value !== removed);
        for (const ip of addresses) expect(lookup(table, ip)).toBe(scan(rest, ip));
      }),
      { numRuns: fuzzRuns(40) },
    );
  });

  it('finds what a scan finds after any sequence of additions, changes and removals', () => {
    const step = fc.record({ cidr, value: fc.option(fc.integer({ min: 0, max: 3 })) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.array(address), (steps, addresses) => {
        const table = new PrefixTable([], 60);
        const model = new Map<Cidr, number>();
        for (const { cidr: block, value } of steps) {
          if (value === null) {
            table.delete(block);
            model.delete(block);
          } else {
            table.set(block, value);
            model.set(block, value);
          }
          expect(table.has(block)).toBe(model.has(block));
        }
        const entries = Array.from(model, ([block, value]) => ({ cidr: block, value }));
        for (const ip of addresses) expect(lookup(table, ip)).toBe(scan(entries, ip));
      }),
      { numRuns: fuzzRuns(40) },
    );
  });

  it('keeps its room when prefixes come and go', () => {
    const table = new PrefixTable([], 4);
    for (let n = 0; n < 1000; n++) {
      table.set(parseCidr(`10.${n >> 8}.${n & 255}.0/24`), n);
      if (n >= 4) table.delete(parseCidr(`10.${(n - 4) >> 8}.${(n - 4) & 255}.0/24`));
    }
    expect(lookup(table, parseIpAddress('10.3.231.9'))).toBe(999);
    expect(lookup(table, parseIpAddress('10.3.227.9'))).toBe(-1);
  });

  it('keeps IPv4 apart from the IPv6 default route', () => {
    const table = new PrefixTable([
      { cidr: parseCidr('::/0'), value: 1 },
      { cidr: parseCidr('10.0.0.0/8'), value: 2 },
    ]);
    expect(lookup(table, parseIpAddress('10.1.2.3'))).toBe(2);
    expect(lookup(table, parseIpAddress('fd00::1'))).toBe(1);
  });

  it('holds five thousand nodes', () => {
    const entries = Array.from({ length: 5000 }, (_, i) => ({
      cidr: parseCidr(`10.${i >> 8}.${i & 255}.0/24`),
      value: i,
    }));
    const table = new PrefixTable(entries);
    expect(lookup(table, parseIpAddress('10.19.135.77'))).toBe(4999);
    expect(lookup(table, parseIpAddress('10.19.136.77'))).toBe(-1);
  });
});
