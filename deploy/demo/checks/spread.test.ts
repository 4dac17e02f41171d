import { describe, expect, it } from '@jest/globals';
import { spread } from './spread.js';

const upTo = (length: number): number[] => Array.from({ length }, (_, i) => i);

describe('a part that is spread over a list', () => {
  it('is all of a short list, in its order', () => {
    expect(spread(upTo(5), 5)).toEqual(upTo(5));
  });

  it.each([
    [10, 3],
    [300, 30],
    [30_000, 1000],
  ])('has of %i items %i different ones, from as many tenths as can be', (length, most) => {
    const part = spread(upTo(length), most);
    expect(new Set(part).size).toBe(most);
    const tenths = new Set(part.map((item) => Math.floor((item * 10) / length)));
    expect(tenths.size).toBe(Math.min(10, most));
  });

  it('does not repeat the period of the list', () => {
    const places = spread(upTo(30_000), 1000).map((item) => item % 300);
    expect(new Set(places).size).toBeGreaterThan(200);
  });
});
