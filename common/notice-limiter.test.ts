import { describe, expect, it } from '@jest/globals';
import { NoticeLimiter } from './notice-limiter.js';

describe('a notice limiter', () => {
  it('passes one notice of a kind per interval and counts those held back', () => {
    const limiter = new NoticeLimiter({ intervalMs: 1_000, maxKinds: 8 });
    expect([0, 1, 2, 999].map((atMs) => limiter.admit('a', atMs))).toEqual([0, null, null, null]);
    expect(limiter.admit('b', 3)).toBe(0);
    expect(limiter.admit('a', 1_000)).toBe(3);
    expect(limiter.admit('a', 2_000)).toBe(0);
  });

  it('passes a cleared kind at once', () => {
    const limiter = new NoticeLimiter({ intervalMs: 1_000, maxKinds: 8 });
    limiter.admit('a', 0);
    limiter.clear('a');
    expect(limiter.admit('a', 1)).toBe(0);
  });

  it('forgets the oldest kind beyond its bound', () => {
    const limiter = new NoticeLimiter({ intervalMs: 1_000, maxKinds: 2 });
    for (const kind of ['a', 'b', 'c']) limiter.admit(kind, 0);
    expect(limiter.admit('c', 1)).toBeNull();
    expect(limiter.admit('a', 1)).toBe(0);
  });

  it('holds back what exceeds the total of an interval, whatever its kind', () => {
    const limiter = new NoticeLimiter({ intervalMs: 1_000, maxKinds: 8, maxPerInterval: 100 });
    const passed = Array.from({ length: 10_000 }, (_, i) => limiter.admit(`kind ${i}`, 5));
    expect(passed.filter((heldBack) => heldBack !== null)).toHaveLength(100);
    expect(limiter.admit('kind', 1_000)).toBe(0);
  });

  it('passes the first ones of each group when others have used up the total', () => {
    const limiter = new NoticeLimiter({ intervalMs: 1_000, maxKinds: 8, maxPerInterval: 100, maxGroups: 8 });
    for (let i = 0; i < 10_000; i++) limiter.admit(`kind ${i}`, 5, { name: 'flood', share: 2 });
    const other = { name: 'other', share: 2 };
    const passed = ['a', 'b', 'c'].map((kind) => limiter.admit(kind, 6, other));
    expect(passed).toEqual([0, 0, null]);
    expect(limiter.admit('d', 1_005, other)).toBe(0);
  });

  it('gives a share to no more groups within others than its bound, and to all others', () => {
    const limiter = new NoticeLimiter({ intervalMs: 1_000, maxKinds: 1_000, maxPerInterval: 1, maxGroups: 8 });
    const within = { name: 'message', share: 2 };
    const admitted = Array.from({ length: 100 }, (_, i) =>
      limiter.admit(`${i}`, 5, { name: `group ${i}`, share: 1, within }),
    );
    expect(admitted.filter((heldBack) => heldBack !== null)).toHaveLength(8 + within.share);
    expect(limiter.admit('other', 5, { name: 'other message', share: 1 })).toBe(0);
  });
});
