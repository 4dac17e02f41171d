import { describe, expect, it } from '@jest/globals';
import { chartLine } from './chart-line.js';

const size = { width: 100, height: 54 };
const scale = { fromMs: 0, toMs: 1_000, top: 10 };

describe('line of a chart', () => {
  it('runs from left to right, high values high', () => {
    const points = [
      { atMs: 0, value: 0 },
      { atMs: 1_000, value: 10 },
    ];
    expect(chartLine(points, scale, size)).toEqual({
      line: 'M0.0 54.0L100.0 4.0',
      area: 'M0.0 54L0.0 54.0L100.0 4.0L100.0 54Z',
    });
  });

  it('is interrupted where there is no value', () => {
    const points = [1, NaN, 2].map((value, index) => ({ atMs: index * 500, value }));
    expect(chartLine(points, scale, size).line.match(/M/g)).toHaveLength(2);
  });

  it('is at the bottom when all values are zero', () => {
    expect(chartLine([{ atMs: 500, value: 0 }], { ...scale, top: 0 }, size).line).toBe('M50.0 54.0');
  });

  it('is empty without values', () => {
    expect(chartLine([], scale, size)).toEqual({ line: '', area: '' });
  });
});
