import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { ReplayWindows, WINDOW_UNITS } from './replay-window.js';

/** Reference: a set of all accepted counters. */
class SeenSet {
  readonly #seen = new Set<number>();
  #highest = -1;

  accept(counter: number): boolean {
    if (this.#seen.has(counter) || counter + WINDOW_UNITS <= this.#highest) return false;
    this.#seen.add(counter);
    this.#highest = Math.max(this.#highest, counter);
    return true;
  }
}

function accept(windows: ReplayWindows, context: number, counter: number): boolean {
  if (!windows.isFresh(context, counter)) return false;
  windows.mark(context, counter);
  return true;
}

describe('the replay window', () => {
  const steps = fc.array(fc.oneof(fc.integer({ min: -40, max: 40 }), fc.integer({ min: -5000, max: 9000 })), {
    maxLength: 300,
  });

  it('decides as a set of all accepted counters does', () => {
    fc.assert(
      fc.property(steps, fc.constantFrom(0, 2 ** 31, 2 ** 32 - 100, 2 ** 40), (deltas, start) => {
        const windows = new ReplayWindows(2);
        const reference = new SeenSet();
        let counter = start;
        for (const delta of deltas) {
          counter = Math.max(0, counter + delta);
          expect(accept(windows, 1, counter)).toBe(reference.accept(counter));
        }
      }),
      { numRuns: fuzzRuns(40) },
    );
  });

  it('accepts a counter once', () => {
    const windows = new ReplayWindows(1);
    expect(accept(windows, 0, 0)).toBe(true);
    expect(accept(windows, 0, 0)).toBe(false);
  });

  it('has WINDOW_UNITS counters at every alignment', () => {
    for (const highest of [WINDOW_UNITS, 2 ** 31, 2 ** 40]) {
      for (let offset = 0; offset < 64; offset++) {
        const windows = new ReplayWindows(1);
        windows.mark(0, highest + offset);
        for (const below of [1, 31, 32, WINDOW_UNITS - 1])
          expect(windows.isFresh(0, highest + offset - below)).toBe(true);
        for (const below of [WINDOW_UNITS, WINDOW_UNITS + 1, WINDOW_UNITS + 32, WINDOW_UNITS + 64]) {
          expect(windows.isFresh(0, highest + offset - below)).toBe(false);
        }
      }
    }
  });

  it('does not move before a counter is marked', () => {
    const windows = new ReplayWindows(1);
    expect(windows.isFresh(0, 2 ** 40)).toBe(true);
    expect(accept(windows, 0, 1)).toBe(true);
  });

  it('goes on after another one: counters up to its highest were seen, higher ones were not', () => {
    for (const highest of [0, 31, 32, 5000, 2 ** 40 + 7]) {
      const windows = new ReplayWindows(2);
      windows.resume(1, highest);
      for (const seen of [highest, highest - 1, highest - 40]) {
        if (seen >= 0) expect(windows.isFresh(1, seen)).toBe(false);
      }
      // The order of arrival does not matter.
      for (const counter of [highest + 3, highest + 1, highest + 2, highest + 40, highest + 33]) {
        expect([counter, accept(windows, 1, counter), accept(windows, 1, counter)]).toEqual([counter, true, false]);
      }
    }
    const windows = new ReplayWindows(1);
    windows.resume(0, -1);
    expect(accept(windows, 0, 0)).toBe(true);
  });

  it('keeps contexts apart and forgets on reset', () => {
    const windows = new ReplayWindows(2);
    expect(accept(windows, 0, 5)).toBe(true);
    expect(accept(windows, 1, 5)).toBe(true);
    windows.reset(0);
    expect(accept(windows, 0, 5)).toBe(true);
    expect(accept(windows, 1, 5)).toBe(false);
  });
});
