import { describe, expect, it } from '@jest/globals';
import { placeLabels } from './label-placement.js';
import { overlap } from './point.js';

const label = { width: 80, height: 30 };

describe('labels of links', () => {
  it('are in the middle of a free link', () => {
    const places = placeLabels([{ key: 'ab', from: { x: 0, y: 0 }, to: { x: 400, y: 0 }, label }], []);
    expect(places.get('ab')).toEqual({ x: 200, y: 0 });
  });

  it('do not cover each other where links cross', () => {
    const places = placeLabels(
      [
        { key: 'ab', from: { x: 0, y: 0 }, to: { x: 400, y: 300 }, label },
        { key: 'cd', from: { x: 400, y: 0 }, to: { x: 0, y: 300 }, label },
      ],
      [],
    );
    const [first, second] = [...places.values()].map((point) => ({ ...point, ...label }));
    expect(overlap(first!, second!)).toBe(0);
  });

  it('are omitted where there is no space', () => {
    const nodes = [{ x: 50, y: 0, width: 120, height: 60 }];
    const places = placeLabels([{ key: 'ab', from: { x: 0, y: 0 }, to: { x: 100, y: 0 }, label }], nodes);
    expect(places.size).toBe(0);
  });

  it('do not cover a node on their link', () => {
    const node = { x: 200, y: 0, width: 100, height: 60 };
    const place = placeLabels(
      [{ key: 'ab', from: { x: 0, y: 0 }, to: { x: 600, y: 0 }, label }],
      [{ ...node, x: 300 }],
    ).get('ab');
    expect(overlap({ ...place!, ...label }, { ...node, x: 300 })).toBe(0);
  });
});
