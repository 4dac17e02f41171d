import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CoreClock, pauseBetween } from './core-clock.js';
import { NOTICE_INTERVAL_MS } from './limits.js';
import { Notices } from './notices.js';
import type { Notice } from './notices.js';

describe('core time', () => {
  it('never goes backwards, and a deadline given to the caller is reached when the caller is there', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e6, max: 1e9, noNaN: true })), (times) => {
        const clock = new CoreClock();
        let last = -Infinity;
        for (const time of times) {
          const now = clock.advance(time);
          expect(now).toBeGreaterThanOrEqual(last);
          last = now;
          const deadline = now + 123.4;
          expect(clock.advance(clock.toCaller(deadline))).toBeGreaterThanOrEqual(deadline);
          last = clock.nowMs;
        }
      }),
    );
  });

  it('tells a late call from a pause', () => {
    expect(pauseBetween(1_000, 1_900)).toBe(0);
    expect(pauseBetween(1_000, 9_000)).toBe(8_000);
    expect(pauseBetween(null, 9_000)).toBe(0);
  });
});

describe('notices', () => {
  it('of one kind come once a minute, with the number of those held back', () => {
    const told: Notice[] = [];
    const notices = new Notices((notice) => told.push(notice));
    for (let i = 0; i < 5; i++) notices.tell('warn', 'message', i, 'a', { from: 'x' });
    notices.tell('warn', 'message', 5, 'b');
    notices.tell('warn', 'message', NOTICE_INTERVAL_MS, 'a', { from: 'x' });
    expect(told.map(({ fields }) => fields)).toEqual([{ from: 'x' }, {}, { from: 'x', heldBack: 4 }]);
  });

  it('of endless kinds are bounded', () => {
    const told: Notice[] = [];
    const notices = new Notices((notice) => told.push(notice));
    for (let i = 0; i < 10_000; i++) notices.tell('warn', 'message', i, `source ${i}`);
    expect(told.length).toBeLessThanOrEqual(100);
  });
});
