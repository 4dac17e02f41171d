import { describe, expect, it } from '@jest/globals';
import { mapBounded } from './map-bounded.js';

describe('mapBounded', () => {
  it('keeps the order of the items and runs at most the limit at once', async () => {
    let running = 0;
    let most = 0;
    const work = async (item: number): Promise<number> => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
      return item * 2;
    };
    expect(await mapBounded([1, 2, 3, 4, 5], 2, work)).toEqual([2, 4, 6, 8, 10]);
    expect(most).toBe(2);
    expect(await mapBounded([], 2, work)).toEqual([]);
  });
});
