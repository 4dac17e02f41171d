import { describe, expect, it, jest } from '@jest/globals';
import { EMPTY_LAYOUT, layoutNodes } from './node-layout.js';
import { overlap } from './point.js';
import { fromStage, nodeBox, stageFor, toStage } from './stage.js';

/** d3-force starts a timer for every layout, and is told to stop it. */
jest.useFakeTimers();

const CANVASES = [
  { width: 1400, height: 560 },
  { width: 900, height: 700 },
  { width: 360, height: 420 },
];

describe('stage', () => {
  it.each([2, 3, 4, 5, 8, 9, 12, 16, 20, 21, 50, 100])(
    'keeps %d nodes from covering each other on any canvas',
    (count) => {
      const ids = Array.from({ length: count }, (_, index) => `n${index}`);
      const { points } = layoutNodes(EMPTY_LAYOUT, ids, new Map());
      for (const canvas of CANVASES) {
        const stage = stageFor(canvas, count);
        const boxes = [...points.values()].map((point) => nodeBox(stage, toStage(stage, point)));
        const covered = boxes.flatMap((a, index) =>
          boxes.slice(index + 1).map((b) => overlap(a, b) / (a.width * a.height)),
        );
        expect(Math.max(...covered)).toBeLessThan(0.12);
      }
    },
  );

  it('draws fewer details with more nodes', () => {
    const tiers = [3, 12, 100].map((count) => stageFor(CANVASES[0]!, count).tier);
    expect(tiers).toEqual(['card', 'chip', 'dot']);
  });

  it('fills a wide canvas with a small mesh at natural size', () => {
    const stage = stageFor({ width: 1400, height: 560 }, 3);
    expect(stage.radiusY * 1.5 + stage.node.height).toBeLessThanOrEqual(560);
    expect(stage.radiusX).toBeGreaterThan(300);
  });

  it('converts to the stage and back', () => {
    const stage = stageFor(CANVASES[0]!, 5);
    const back = fromStage(stage, toStage(stage, { x: 0.3, y: -0.7 }));
    expect([back.x, back.y]).toEqual([expect.closeTo(0.3), expect.closeTo(-0.7)]);
  });
});
