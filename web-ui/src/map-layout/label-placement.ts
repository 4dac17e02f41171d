/**
 * Placement of labels along their links: as near to the middle as possible without covering nodes and other labels. Greedy
 * in the given order, so that a label moves only when one before it moves. Pure.
 */
import { between, overlap } from './point.js';
import type { Box, Point, Size } from './point.js';

/** Positions along the link as shares of its length, best first. */
const PLACES = [0.5, 0.42, 0.58, 0.34, 0.66, 0.27, 0.73] as const;
/** Covered pixels that count as much as one step away from the middle. */
const STEP_COST = 40;
/** A label that would cover more than this share of its own area is omitted. */
const MAX_COVER = 0.12;

export interface Labelled {
  readonly key: string;
  readonly from: Point;
  readonly to: Point;
  readonly label: Size;
}

/** Labels that fit, by key. */
export function placeLabels(links: readonly Labelled[], nodes: readonly Box[]): ReadonlyMap<string, Point> {
  const placed: Box[] = [];
  const points = new Map<string, Point>();
  for (const link of links) {
    const best = bestPlace(link, [...nodes, ...placed]);
    if (best === null) continue;
    placed.push({ ...best, ...link.label });
    points.set(link.key, best);
  }
  return points;
}

function bestPlace(link: Labelled, taken: readonly Box[]): Point | null {
  const most = MAX_COVER * link.label.width * link.label.height;
  let best: Point | null = null;
  let least = Infinity;
  PLACES.forEach((share, steps) => {
    const point = between(link.from, link.to, share);
    const cover = covered({ ...point, ...link.label }, taken);
    const cost = steps * STEP_COST + cover;
    if (cover > most || cost >= least) return;
    least = cost;
    best = point;
  });
  return best;
}

function covered(box: Box, others: readonly Box[]): number {
  return others.reduce((sum, other) => sum + overlap(box, other), 0);
}
