import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../../test/fuzz/fuzz-runs.js';
import { EMPTY_LAYOUT, layoutNodes, MAX_RING_NODES } from './node-layout.js';
import type { NodeLayout } from './node-layout.js';
import { distance } from './point.js';
import type { Point } from './point.js';

/** d3-force starts a timer for every layout, and is told to stop it. */
jest.useFakeTimers();

const NO_PINS = new Map<string, Point>();
const idsUpTo = (count: number) => Array.from({ length: count }, (_, index) => `n${index}`);
const fresh = (count: number) => layoutNodes(EMPTY_LAYOUT, idsUpTo(count), NO_PINS);
const point = (layout: NodeLayout, id: string): Point => layout.points.get(id) ?? { x: NaN, y: NaN };

function closest(layout: NodeLayout): number {
  const points = [...layout.points.values()];
  return Math.min(...points.flatMap((a, index) => points.slice(index + 1).map((b) => distance(a, b))));
}

function largestMove(before: NodeLayout, after: NodeLayout): number {
  const both = [...before.points.keys()].filter((id) => after.points.has(id));
  return Math.max(...both.map((id) => distance(point(before, id), point(after, id))));
}

describe('layout of a small mesh', () => {
  it('places three nodes in a triangle with a horizontal base', () => {
    const layout = fresh(3);
    const [top, right, left] = idsUpTo(3).map((id) => point(layout, id));
    expect(top?.x).toBeCloseTo(0, 1);
    expect(top?.y).toBeLessThan(-0.9);
    expect(right?.y).toBeCloseTo(left?.y ?? NaN, 1);
    expect(right?.x).toBeCloseTo(-(left?.x ?? NaN), 1);
  });

  it('places one node in the middle and two side by side', () => {
    expect(point(fresh(1), 'n0')).toEqual({ x: 0, y: 0 });
    expect(point(fresh(2), 'n0').y).toBeCloseTo(point(fresh(2), 'n1').y, 5);
  });

  it('distributes nodes evenly on the ring', () => {
    const layout = fresh(12);
    for (const each of layout.points.values()) expect(Math.hypot(each.x, each.y)).toBeCloseTo(1, 0);
    expect(closest(layout)).toBeGreaterThan(0.9 * 2 * Math.sin(Math.PI / 12));
  });
});

describe('layout of a large mesh', () => {
  it('fills the field with a minimum distance', () => {
    const layout = fresh(100);
    expect(layout.shape).toBe('field');
    expect(closest(layout)).toBeGreaterThan(0.1);
    for (const each of layout.points.values()) expect(Math.hypot(each.x, each.y)).toBeLessThan(1.5);
  });

  it('stays a field when it shrinks a little below the limit', () => {
    const large = fresh(MAX_RING_NODES + 1);
    expect(layoutNodes(large, idsUpTo(MAX_RING_NODES - 1), NO_PINS).shape).toBe('field');
    expect(layoutNodes(large, idsUpTo(5), NO_PINS).shape).toBe('ring');
  });
});

describe('stability of the layout', () => {
  it('gives the same layout for the same nodes', () => {
    expect(fresh(7)).toEqual(fresh(7));
    const layout = fresh(7);
    expect(layoutNodes(layout, idsUpTo(7), NO_PINS)).toBe(layout);
  });

  it.each([3, 8, 15, 30, 99])('moves %d other nodes little when a node comes', (count) => {
    const before = fresh(count);
    const after = layoutNodes(before, idsUpTo(count + 1), NO_PINS);
    expect(largestMove(before, after)).toBeLessThan(0.35);
    expect(closest(after)).toBeGreaterThan(0.3 * closest(before));
  });

  it.each([4, 9, 40])('moves the others of %d nodes little when a node leaves', (count) => {
    const before = fresh(count);
    expect(largestMove(before, layoutNodes(before, idsUpTo(count).slice(1), NO_PINS))).toBeLessThan(0.35);
  });

  it('keeps pinned nodes in their places', () => {
    const pins = new Map([['n1', { x: 1.5, y: -0.2 }]]);
    const after = layoutNodes(fresh(5), idsUpTo(6), pins);
    expect(point(after, 'n1').x).toBeCloseTo(1.5, 9);
    expect(point(after, 'n1').y).toBeCloseTo(-0.2, 9);
  });

  it('gives every node a finite place after any changes', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 6 }), (counts) => {
        let layout = EMPTY_LAYOUT;
        for (const count of counts) {
          layout = layoutNodes(layout, idsUpTo(count), NO_PINS);
          expect(layout.points.size).toBe(count);
          for (const each of layout.points.values()) expect(Number.isFinite(each.x + each.y)).toBe(true);
        }
      }),
      { numRuns: fuzzRuns(4) },
    );
  });
});
