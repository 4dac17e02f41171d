import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cidrContains, cidrNetwork, parseCidr } from '../common/address/cidr.js';
import type { Cidr } from '../common/address/cidr.js';
import { fuzzRuns } from '../test/fuzz/fuzz-runs.js';
import { mergedCidrs } from './merged-cidrs.js';

const merged = (cidrs: readonly string[], max = 64): string[] => mergedCidrs(cidrs.map(parseCidr), max);

/** `10.a.b.0/24`, or a larger block there. */
const anyCidr = fc.tuple(fc.nat(3), fc.nat(255), fc.integer({ min: 14, max: 24 })).map(([a, b, prefix]) => {
  const bits = ((10 << 24) | (a << 16) | (b << 8)) & (-1 << (32 - prefix));
  return parseCidr(`${[24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.')}/${prefix}`);
});

describe('merged CIDRs', () => {
  it('are one block when all parts of it are there', () => {
    const parts = Array.from({ length: 256 }, (_, i) => `10.244.${i}.0/24`);
    expect(merged(parts)).toEqual(['10.244.0.0/16']);
    expect(merged(parts.slice(0, 3))).toEqual(['10.244.0.0/23', '10.244.2.0/24']);
  });

  it('keep the families apart', () => {
    expect(merged(['fd00:0:0:1::/64', '10.0.0.0/24', 'fd00::/64'])).toEqual(['10.0.0.0/24', 'fd00::/63']);
  });

  it('leave out what lies in another one, and what is there twice', () => {
    expect(merged(['10.0.1.0/24', '10.0.0.0/16', '10.0.1.0/24'])).toEqual(['10.0.0.0/16']);
  });

  it('are widened, the smallest first, when they are more than allowed', () => {
    expect(merged(['10.0.0.0/24', '10.0.2.0/24', '10.128.0.0/16'], 2)).toEqual(['10.0.0.0/22', '10.128.0.0/16']);
    expect(merged(['0.0.0.0/1', '128.0.0.0/1', '::/0'], 2)).toEqual(['0.0.0.0/0', '::/0']);
  });

  it('cover all that was given, in no more blocks than allowed, and nothing else while there is room', () => {
    fc.assert(
      fc.property(fc.array(anyCidr, { maxLength: 40 }), fc.integer({ min: 2, max: 50 }), (cidrs, max) => {
        const result = mergedCidrs(cidrs, max);
        const covers = (by: readonly Cidr[], cidr: Cidr): boolean => by.some((b) => cidrContains(b, cidrNetwork(cidr)));
        expect(result.length).toBeLessThanOrEqual(max);
        for (const cidr of cidrs) expect(covers(result, cidr)).toBe(true);
        for (const cidr of mergedCidrs(cidrs, 1000)) expect(covers(cidrs, cidr)).toBe(true);
      }),
      { numRuns: fuzzRuns(40) },
    );
  });
});
