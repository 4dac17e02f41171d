import { describe, expect, it } from '@jest/globals';
import { callTable, percentile } from './call-times.js';

describe('times of CNI calls', () => {
  it('have percentiles by nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect([0.5, 0.99, 1].map((share) => percentile(values, share))).toEqual([50, 99, 100]);
    expect(percentile([7], 0.5)).toBe(7);
    expect(percentile([], 0.5)).toBeNull();
  });

  it('are compared with the first subject of the same verb and load', () => {
    const lines = callTable([
      { subject: 'bridge', atOnce: 1, verb: 'ADD', ms: [10, 20, 30] },
      { subject: 'bridge', atOnce: 30, verb: 'ADD', ms: [100] },
      { subject: 'heddle', atOnce: 1, verb: 'ADD', ms: [24] },
      { subject: 'heddle', atOnce: 30, verb: 'ADD', ms: [] },
    ]).split('\n');
    expect(lines[3]).toMatch(/^heddle +1 +ADD +24\.0 +24\.0 +1\.20$/);
    expect(lines[4]).toMatch(/^heddle +30 +ADD +- +- +NaN$/);
  });
});
