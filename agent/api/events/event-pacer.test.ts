import { describe, expect, it } from '@jest/globals';
import { DEFAULT_EVENT_TIMING as timing, paceAfterChange, paceAfterSending, waitMs } from './event-pacer.js';

describe('pace of snapshots', () => {
  it('sends every two seconds while nothing changes', () => {
    const pace = paceAfterSending(10_000);
    expect(waitMs(pace, timing, 10_000)).toBe(2_000);
    expect(waitMs(pace, timing, 11_999)).toBe(1);
    expect(waitMs(pace, timing, 12_000)).toBe(0);
  });

  it('sends a change at once when the last snapshot is a second old', () => {
    expect(waitMs(paceAfterChange(paceAfterSending(10_000)), timing, 11_500)).toBe(0);
  });

  it('holds a change back until a second has passed since the last snapshot', () => {
    expect(waitMs(paceAfterChange(paceAfterSending(10_000)), timing, 10_300)).toBe(700);
  });

  it('counts many changes as one', () => {
    const once = paceAfterChange(paceAfterSending(10_000));
    expect(paceAfterChange(once)).toEqual(once);
  });
});
