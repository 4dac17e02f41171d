import { describe, expect, it } from '@jest/globals';
import { fitViewport, panViewport, unproject, zoomViewport } from './viewport.js';

const canvas = { width: 800, height: 400 };

describe('viewport', () => {
  it('shows a small mesh at natural size, in the middle', () => {
    const view = fitViewport(canvas, [{ x: 100, y: 50, width: 200, height: 100 }]);
    expect(view).toEqual({ x: 300, y: 150, scale: 1 });
  });

  it('scales a large mesh down until it fits', () => {
    const view = fitViewport(canvas, [
      { x: -1000, y: 0, width: 100, height: 100 },
      { x: 1000, y: 0, width: 100, height: 100 },
    ]);
    expect(view.scale).toBeCloseTo(756 / 2100);
    expect(view.x).toBe(400);
  });

  it('shows the origin in the middle without nodes', () => {
    expect(fitViewport(canvas, [])).toEqual({ x: 400, y: 200, scale: 1 });
  });

  it('zooms around a fixed point, within limits', () => {
    const view = { x: 10, y: 20, scale: 1 };
    const around = { x: 300, y: 200 };
    const zoomed = zoomViewport(view, 1.5, around);
    expect(unproject(zoomed, around)).toEqual(unproject(view, around));
    expect(zoomViewport(view, 1e9, around).scale).toBe(3);
    expect(zoomViewport(view, 1e-9, around).scale).toBe(0.15);
  });

  it('pans', () => {
    expect(panViewport({ x: 1, y: 2, scale: 2 }, { x: 10, y: -5 })).toEqual({ x: 11, y: -3, scale: 2 });
  });
});
