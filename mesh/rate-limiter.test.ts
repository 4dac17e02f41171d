import { describe, expect, it } from '@jest/globals';
import { RateLimiter } from './rate-limiter.js';

describe('a rate limiter', () => {
  it('gives a burst at once, and then as many a second as it says', () => {
    const limiter = new RateLimiter<string>({ burst: 3, perSecond: 2, maxKeys: 8 });
    expect(Array.from({ length: 5 }, () => limiter.take('a', 0))).toEqual([true, true, true, false, false]);
    expect(limiter.has('a', 499)).toBe(false);
    expect(limiter.take('a', 500)).toBe(true);
    expect(limiter.take('b', 500)).toBe(true);
    expect(Array.from({ length: 4 }, () => limiter.take('a', 60_000))).toEqual([true, true, true, false]);
  });

  it('gives as many more as its burst grows by, also to a key that has none left', () => {
    let burst = 3;
    const limiter = new RateLimiter<string>({ burst: () => burst, perSecond: 1, maxKeys: 8 });
    expect(limiter.takeUpTo(9, 'a', 0)).toBe(3);
    burst = 5;
    expect(limiter.takeUpTo(9, 'a', 0)).toBe(2);
    burst = 1;
    expect(limiter.takeUpTo(9, 'a', 4_000)).toBe(0);
    expect(limiter.takeUpTo(9, 'a', 60_000)).toBe(1);
  });

  it('remembers a bounded number of keys', () => {
    const limiter = new RateLimiter<number>({ burst: 1, perSecond: 0, maxKeys: 2 });
    for (const key of [1, 2, 3]) limiter.take(key, 0);
    expect([limiter.has(1, 0), limiter.has(2, 0), limiter.has(3, 0)]).toEqual([true, false, false]);
  });
});
