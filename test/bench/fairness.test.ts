import { describe, expect, it } from '@jest/globals';
import { jainIndex, sharesPercent } from './fairness.js';

describe("Jain's fairness index", () => {
  it('is one when all streams are equally fast', () => {
    expect(jainIndex([3, 3, 3, 3])).toBe(1);
    expect(jainIndex([0.5])).toBe(1);
  });

  it('is the share of the streams that get anything when those are equally fast', () => {
    expect(jainIndex([5, 0, 0, 0])).toBe(0.25);
    expect(jainIndex([5, 5, 0, 0])).toBe(0.5);
  });

  it('lies between these otherwise', () => {
    expect(jainIndex([1, 2, 3])).toBeCloseTo(36 / 42);
  });
});

describe('sharesPercent', () => {
  it('has the smallest and the largest part of the total', () => {
    expect(sharesPercent([3, 1, 4])).toEqual({ least: 12.5, most: 50 });
    expect(sharesPercent([2])).toEqual({ least: 100, most: 100 });
  });
});
