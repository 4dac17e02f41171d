/** Table of round trips between pods, as the demo prints it. Pure. */
import { medianOf } from '../checks/index.js';
import type { PingResult } from '../checks/index.js';
import { alignColumns } from './columns.js';

/** A table of more pods does not fit a terminal. */
const MAX_PODS = 16;

/**
 * Rows from, columns to. A cell is the best round trip in milliseconds over the address families, `FAIL` when a family got no
 * answer, `·` on the diagonal. Of many pods, one line that says how many pings were answered.
 */
export function pingMatrix(results: readonly PingResult[], pods: readonly string[]): string {
  if (pods.length > MAX_PODS) return summary(results);
  const cells = new Map<string, (number | null)[]>();
  for (const { from, to, rttMs } of results) cells.set(`${from} ${to}`, [...(cells.get(`${from} ${to}`) ?? []), rttMs]);
  const cell = (from: string, to: string): string =>
    from === to ? '·' : describe(cells.get(`${from} ${to}`) ?? [null]);
  return alignColumns([['ms', ...pods], ...pods.map((from) => [from, ...pods.map((to) => cell(from, to))])]);
}

function summary(results: readonly PingResult[]): string {
  const roundTripsMs = results.flatMap(({ rttMs }) => rttMs ?? []);
  const median = medianOf(roundTripsMs);
  const times = median === null ? '' : `; round trip ${median.toFixed(2)} ms in the median`;
  return `${roundTripsMs.length} of ${results.length} pings answered${times}`;
}

function describe(roundTripsMs: readonly (number | null)[]): string {
  if (roundTripsMs.includes(null)) return 'FAIL';
  return Math.min(...roundTripsMs.map((rttMs) => rttMs ?? Infinity)).toFixed(2);
}
