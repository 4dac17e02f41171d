/** SVG paths of one line of a chart and of the area below it. Pure. */
import type { Size } from '../map-layout/point.js';

export interface ChartPoint {
  readonly atMs: number;
  /** NaN without a value, which interrupts the line. */
  readonly value: number;
}

export interface ChartScale {
  readonly fromMs: number;
  readonly toMs: number;
  /** Value at the upper edge; the lower edge is 0. */
  readonly top: number;
}

export interface ChartPaths {
  readonly line: string;
  readonly area: string;
}

/** Space above the highest value for half the line's width. */
const HEADROOM = 4;

export function chartLine(points: readonly ChartPoint[], scale: ChartScale, size: Size): ChartPaths {
  const x = (atMs: number): number => ((atMs - scale.fromMs) / (scale.toMs - scale.fromMs)) * size.width;
  const y = (value: number): number =>
    size.height - (scale.top === 0 ? 0 : value / scale.top) * (size.height - HEADROOM);
  let line = '';
  let area = '';
  for (const run of unbroken(points)) {
    const steps = run.map((point) => `${x(point.atMs).toFixed(1)} ${y(point.value).toFixed(1)}`);
    const [first, last] = [run[0], run.at(-1)];
    if (first === undefined || last === undefined) continue;
    line += `M${steps.join('L')}`;
    area += `M${x(first.atMs).toFixed(1)} ${size.height}L${steps.join('L')}L${x(last.atMs).toFixed(1)} ${size.height}Z`;
  }
  return { line, area };
}

function unbroken(points: readonly ChartPoint[]): ChartPoint[][] {
  const runs: ChartPoint[][] = [[]];
  for (const point of points) {
    if (Number.isNaN(point.value)) runs.push([]);
    else runs.at(-1)?.push(point);
  }
  return runs.filter((run) => run.length > 0);
}
