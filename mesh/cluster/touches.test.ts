import { describe, expect, it } from '@jest/globals';
import { TOUCH_INTERVAL_MS } from '../limits.js';
import { Touches } from './touches.js';

describe('touches of quiet links', () => {
  it('are due at once, and a change within the interval at its end', () => {
    const touches = new Touches();
    expect([touches.pollAt(), touches.take(0)]).toEqual([null, false]);
    touches.want(1_000);
    expect([touches.pollAt(), touches.take(1_000), touches.take(1_000)]).toEqual([1_000, true, false]);
    touches.want(3_000);
    touches.want(4_000);
    const endMs = 1_000 + TOUCH_INTERVAL_MS;
    expect([touches.pollAt(), touches.take(endMs - 1), touches.take(endMs)]).toEqual([endMs, false, true]);
    expect(touches.pollAt()).toBe(null);
  });
});
