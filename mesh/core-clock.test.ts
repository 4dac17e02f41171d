import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../test/fuzz/fuzz-runs.js';
import { CoreClock, pauseBetween } from './core-clock.js';

describe('core time', () => {
  it('never goes backwards, and a deadline given to the caller is reached when the caller is there', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e6, max: 1e9, noNaN: true })), (times) => {
        const clock = new CoreClock();
        let last = -Infinity;
        for (const time of times) {
          const now = clock.advance(time);
          expect(now).toBeGreaterThanOrEqual(last);
          const deadline = now + 123.4;
          last = clock.advance(clock.toCaller(deadline));
          expect(last).toBeGreaterThanOrEqual(deadline);
        }
      }),
      { numRuns: fuzzRuns(40) },
    );
  });

  it('distinguishes a late call from a pause', () => {
    expect(pauseBetween(1_000, 1_900)).toBe(0);
    expect(pauseBetween(1_000, 9_000)).toBe(8_000);
    expect(pauseBetween(null, 9_000)).toBe(0);
  });
});
