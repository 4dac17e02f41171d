import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { Cidr } from '../../../common/address/cidr.js';
import type { NodeId } from '../../../common/node-id.js';
import * as real from '../../../mesh/cluster/member-maps.js';
import type { Advert } from '../../../mesh/wire/advert.js';
import * as fast from './member-maps.js';

const id = (n: number): NodeId => n.toString(16).padStart(32, '0') as NodeId;
/** Of the same bytes it is one object, as in the simulator. */
const adverts = new Map<string, Advert>();
const advert = (n: number, revision: number): Advert => {
  const bytes = new Uint8Array(80);
  // The signature, which is what they are told apart by, differs late between some.
  bytes.set([n & 7, revision], 16);
  bytes.set([n >> 3], 70);
  const known = adverts.get(`${n} ${revision}`) ?? ({ id: id(n), revision, bytes } as unknown as Advert);
  adverts.set(`${n} ${revision}`, known);
  return known;
};

interface Change {
  readonly isSet: boolean;
  readonly n: number;
  readonly value: number;
}

const anyChange = fc.record({ isSet: fc.boolean(), n: fc.nat(300), value: fc.nat(9) });

/** Calls `look` after each of some changes that both maps get alike, and gives the maps when all are made. */
function changeBoth(
  changes: readonly Change[],
  look: (a: real.AdvertMap, b: fast.AdvertMap, change: Change) => void,
): [real.AdvertMap, fast.AdvertMap] {
  const [a, b] = [new real.AdvertMap(), new fast.AdvertMap()];
  for (const change of changes) {
    const { isSet, n, value } = change;
    for (const map of [a, b]) {
      if (isSet) map.set(id(n), advert(n, value));
      else map.delete(id(n));
    }
    look(a, b, change);
  }
  return [a, b];
}

describe('maps of the simulator', () => {
  it('hold what those of the product hold', () => {
    fc.assert(
      fc.property(fc.array(anyChange, { maxLength: 60 }), (changes) => {
        const [a, b] = [new real.IdMap<number>(), new fast.IdMap<number>()];
        for (const { isSet, n, value } of changes) {
          if (isSet) a.set(id(n), value);
          if (isSet) b.set(id(n), value);
          if (!isSet) expect(b.delete(id(n))).toBe(a.delete(id(n)));
          expect([b.size, b.has(id(n)), b.get(id(n))]).toEqual([a.size, a.has(id(n)), a.get(id(n))]);
        }
        expect(new Map(b)).toEqual(new Map(a));
        expect([...b.keys()].sort()).toEqual([...a.keys()].sort());
        expect([...b.values()].sort()).toEqual([...a.values()].sort());
      }),
    );
  });

  it('hold several blocks at once, as those of the product do', () => {
    const cidr = fc.nat(20).map((n) => `10.0.${n}.0/24` as Cidr);
    const list = fc.array(cidr, { maxLength: 4 });
    const change = fc.record({ list, value: fc.nat(9), gone: cidr });
    const sameAnswers = (changes: readonly { list: Cidr[]; value: number; gone: Cidr }[]): void => {
      const [a, b] = [new real.BlockMap<number>(), new fast.BlockMap<number>()];
      for (const { list: blocks, value, gone } of changes) {
        expect(b.hasAny(blocks)).toBe(a.hasAny(blocks));
        for (const map of [a, b]) map.setAll(blocks, value);
        expect(b.hasAny(blocks)).toBe(blocks.length > 0);
        expect(b.delete(gone)).toBe(a.delete(gone));
        expect([b.size, b.hasAny([gone])]).toEqual([a.size, false]);
        expect(new Map(b)).toEqual(new Map(a));
      }
    };
    fc.assert(fc.property(fc.array(change, { maxLength: 20 }), sameAnswers));
  });

  it('find the advert of a node by another of its adverts, or by its id', () => {
    const sameAdverts = (changes: readonly Change[]): void => {
      changeBoth(changes, (a, b, { n, value }) => {
        for (const entry of [advert(n, value), advert(n, value + 1), { id: id(n) }])
          expect(b.ofNode(entry)).toBe(a.ofNode(entry));
      });
    };
    fc.assert(fc.property(fc.array(anyChange, { maxLength: 60 }), sameAdverts));
  });

  it('know an advert by its bytes, as those of the product do', () => {
    fc.assert(
      fc.property(fc.array(anyChange, { maxLength: 60 }), (changes) => {
        changeBoth(changes, (a, b, { isSet, n, value }) => {
          const { bytes } = advert(n, value);
          expect([a.holds(bytes), b.holds(bytes)]).toEqual([isSet, isSet]);
          const before = advert(n, value + 1).bytes;
          expect([a.holds(before), b.holds(before)]).toEqual([false, false]);
        });
      }),
    );
  });

  it('list the adverts of a bucket as those of the product do', () => {
    fc.assert(
      fc.property(fc.array(anyChange, { maxLength: 60 }), (changes) => {
        const [left, right] = changeBoth(changes, (a, b, { n }) => {
          expect([b.size, b.get(id(n))]).toEqual([a.size, a.get(id(n))]);
          const bucket = n % 128;
          expect(new Set(b.inBucket(bucket))).toEqual(new Set(a.inBucket(bucket)));
        });
        expect(new Set(right.values())).toEqual(new Set(left.values()));
        expect(new Set(right.keys())).toEqual(new Set(left.keys()));
      }),
    );
  });
});
