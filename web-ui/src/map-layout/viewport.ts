/** Viewport: the visible part of the stage and its scale; fit, pan, zoom. Pure. */
import type { Box, Point, Size } from './point.js';

/** Stage point `p` is drawn at `p * scale + (x, y)`. */
export interface Viewport extends Point {
  readonly scale: number;
}

const MIN_SCALE = 0.15;
const MAX_SCALE = 3;
const FIT_MARGIN = 22;

/** Viewport with all boxes in the middle of the canvas, scaled down when they do not fit. */
export function fitViewport(canvas: Size, boxes: readonly Box[]): Viewport {
  if (boxes.length === 0) return { x: canvas.width / 2, y: canvas.height / 2, scale: 1 };
  const left = Math.min(...boxes.map((box) => box.x - box.width / 2));
  const right = Math.max(...boxes.map((box) => box.x + box.width / 2));
  const top = Math.min(...boxes.map((box) => box.y - box.height / 2));
  const bottom = Math.max(...boxes.map((box) => box.y + box.height / 2));
  const wide = (canvas.width - 2 * FIT_MARGIN) / (right - left);
  const high = (canvas.height - 2 * FIT_MARGIN) / (bottom - top);
  const scale = Math.max(MIN_SCALE, Math.min(1, wide, high));
  return {
    x: canvas.width / 2 - ((left + right) / 2) * scale,
    y: canvas.height / 2 - ((top + bottom) / 2) * scale,
    scale,
  };
}

/** Scales by `factor` around the canvas point `around`. */
export function zoomViewport(view: Viewport, factor: number, around: Point): Viewport {
  const scale = Math.min(MAX_SCALE, Math.max(MIN_SCALE, view.scale * factor));
  const ratio = scale / view.scale;
  return { scale, x: around.x - (around.x - view.x) * ratio, y: around.y - (around.y - view.y) * ratio };
}

export function panViewport(view: Viewport, by: Point): Viewport {
  return { ...view, x: view.x + by.x, y: view.y + by.y };
}

/** Canvas point to stage point. */
export function unproject(view: Viewport, point: Point): Point {
  return { x: (point.x - view.x) / view.scale, y: (point.y - view.y) / view.scale };
}
