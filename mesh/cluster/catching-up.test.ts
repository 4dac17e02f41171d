import { describe, expect, it } from '@jest/globals';
import { CatchingUp } from './catching-up.js';
import { COMPARE_LINKED_MS, FEW_ADVERTS, MAX_FRUITLESS } from '../limits.js';

/** After many new adverts at 0. */
function started(): CatchingUp {
  const catchingUp = new CatchingUp();
  for (let n = 0; n <= FEW_ADVERTS; n++) catchingUp.noteNew();
  catchingUp.advance(0);
  return catchingUp;
}

/** Compares when it is due, `times` at most, and tells the outcome by `found`: how often it compared. */
function comparisons(catchingUp: CatchingUp, times: number, found: (catchingUp: CatchingUp) => void): number {
  for (let count = 0; count < times; count++) {
    const nowMs = catchingUp.dueMs;
    catchingUp.advance(nowMs);
    if (catchingUp.dueMs === Infinity) return count;
    catchingUp.compared(nowMs);
    found(catchingUp);
  }
  return times;
}

describe('catching up', () => {
  it('is for many new adverts, a while after the last of them', () => {
    const catchingUp = new CatchingUp();
    for (let n = 0; n < FEW_ADVERTS; n++) catchingUp.noteNew();
    catchingUp.advance(0);
    expect(catchingUp.dueMs).toBe(Infinity);
    catchingUp.noteNew();
    catchingUp.advance(100);
    catchingUp.noteNew();
    catchingUp.advance(300);
    expect(catchingUp.dueMs).toBe(300 + COMPARE_LINKED_MS);
  });

  it('ends when a comparison finds nothing', () => {
    expect(comparisons(started(), 100, () => undefined)).toBe(1);
  });

  it('goes on while each comparison brings something new', () => {
    expect(comparisons(started(), 100, (catchingUp) => catchingUp.noteNew())).toBe(100);
  });

  it('asks others for what one peer may not bring, a bounded number of times', () => {
    expect(comparisons(started(), 100, (catchingUp) => catchingUp.noteLacking())).toBe(MAX_FRUITLESS + 1);
  });

  it('does not begin for single changes once it has ended', () => {
    const catchingUp = started();
    comparisons(catchingUp, 100, () => undefined);
    catchingUp.noteNew();
    catchingUp.advance(60_000);
    expect(catchingUp.dueMs).toBe(Infinity);
  });
});
