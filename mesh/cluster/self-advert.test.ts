import { describe, expect, it } from '@jest/globals';
import { signAdvert } from '../wire/advert.js';
import { generateIdentity } from '../wire/identity.js';
import { ADVERT_MIN_INTERVAL_MS, ADVERT_REFRESH_MS } from '../limits.js';
import { SelfAdvert } from './self-advert.js';
import { SeededRandom } from '../testing/seeded-random.js';

const identity = generateIdentity(new SeededRandom(1));
const SELF = { name: 'a', version: '1', endpoints: [], podCidrs: [], podMtuBytes: null };
const STAMP = { createdAtMs: 9_000_000, revision: 9_000_000, incarnation: 1, lowestStamp: 0 };
const make = (wallClockMs: number, seed = 5) => new SelfAdvert(identity, SELF, new SeededRandom(seed), wallClockMs);

describe('the own advert', () => {
  it('is signed anew when the description changes, and every hour', () => {
    const self = make(1_000_000);
    expect(self.advance(50)).toBe(false);
    self.setDescription({ ...SELF, name: 'b' });
    expect(self.advance(50 + ADVERT_MIN_INTERVAL_MS)).toBe(true);
    expect(self.current).toMatchObject({ name: 'b', revision: 1_000_000 + ADVERT_MIN_INTERVAL_MS });
    expect(self.advance(ADVERT_REFRESH_MS)).toBe(false);
    expect(self.advance(50 + ADVERT_MIN_INTERVAL_MS + ADVERT_REFRESH_MS)).toBe(true);
  });

  it('supersedes the advert of an earlier process with a faster clock, and keeps the earlier claim time', () => {
    const before = make(9_000_000).current;
    const self = make(8_000_000);
    expect(self.supersede(before)).toBe(false);
    self.advance(0);
    self.advance(ADVERT_MIN_INTERVAL_MS);
    expect(self.current.revision).toBeGreaterThan(before.revision);
    const late = make(10_000_000);
    late.supersede(before);
    expect(late.current.createdAtMs).toBe(9_000_000);
  });

  it('distinguishes a clone from an earlier process of this node', () => {
    const self = make(8_000_000);
    self.advance(0);
    expect(self.supersede(self.current)).toBe(false);
    expect(self.supersede(make(9_000_000, 6).current)).toBe(true);
  });

  it('keeps the highest revision once somebody with the key of this node has signed that', () => {
    const self = make(8_000_000);
    self.advance(0);
    const highest = signAdvert(identity, SELF, { ...STAMP, revision: Number.MAX_SAFE_INTEGER });
    expect(self.supersede(highest)).toBe(true);
    expect(self.advance(ADVERT_MIN_INTERVAL_MS)).toBe(true);
    expect(self.current.revision).toBe(Number.MAX_SAFE_INTEGER);
    expect(self.supersede(highest)).toBe(false);
    self.replace();
    expect(self.current.revision).toBe(Number.MAX_SAFE_INTEGER);
  });
});
