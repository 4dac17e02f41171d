import { describe, expect, it } from '@jest/globals';
import { systemRandom } from './system-random.js';

describe('the system random source', () => {
  it('gives fractions from 0 up to 1, ever new ones', () => {
    const fractions = Array.from({ length: 5000 }, () => systemRandom.fraction());
    expect(fractions.filter((fraction) => fraction < 0 || fraction >= 1)).toEqual([]);
    expect(new Set(fractions).size).toBeGreaterThan(4990);
    expect(fractions.reduce((sum, fraction) => sum + fraction, 0) / 5000).toBeCloseTo(0.5, 1);
  });

  it('gives as many bytes as are asked for', () => {
    expect(systemRandom.bytes(32)).toHaveLength(32);
    expect(systemRandom.bytes(32)).not.toEqual(systemRandom.bytes(32));
  });
});
