import { describe, expect, it } from '@jest/globals';
import { median } from './median.js';

describe('median', () => {
  it('is the one in the middle, however they are ordered, and leaves them as they are', () => {
    const values = [10, 9, 100];
    expect(median(values)).toBe(10);
    expect(values).toEqual([10, 9, 100]);
  });

  it('of an even number is between the two in the middle', () => {
    expect(median([4, 1, 3, 100])).toBe(3.5);
  });

  it('of none is none', () => {
    expect(median([])).toBeNull();
  });
});
