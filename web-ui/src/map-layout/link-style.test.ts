import { describe, expect, it } from '@jest/globals';
import { flowPeriodMs, linkWidth } from './link-style.js';

describe('the style of a link', () => {
  it('is thin and without motion when idle', () => {
    expect(linkWidth(0)).toBe(1.6);
    expect(flowPeriodMs(10_000)).toBeNull();
  });

  it('is wider and faster with the rate, up to a limit', () => {
    const rates = [1e5, 1e6, 1e8, 1e9, 1e10];
    const widths = rates.map(linkWidth);
    expect([...widths].sort((a, b) => a - b)).toEqual(widths);
    const periods = rates.map((rate) => flowPeriodMs(rate) ?? 0);
    expect([...periods].sort((a, b) => b - a)).toEqual(periods);
    expect(linkWidth(1e15)).toBe(linkWidth(2e10));
    expect(flowPeriodMs(1e15)).toBe(450);
  });
});
