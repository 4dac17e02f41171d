/** Table of round trips between pods, as the demo prints it. Pure. */
import type { PingResult } from '../checks/index.js';
import { alignColumns } from './columns.js';

/**
 * Rows from, columns to. A cell is the best round trip in milliseconds over the address families, `FAIL` when a family got
 * no answer, `·` on the diagonal.
 */
export function pingMatrix(results: readonly PingResult[], pods: readonly string[]): string {
  const cells = new Map<string, (number | null)[]>();
  for (const { from, to, rttMs } of results) cells.set(`${from} ${to}`, [...(cells.get(`${from} ${to}`) ?? []), rttMs]);
  const cell = (from: string, to: string): string =>
    from === to ? '·' : describe(cells.get(`${from} ${to}`) ?? [null]);
  return alignColumns([['ms', ...pods], ...pods.map((from) => [from, ...pods.map((to) => cell(from, to))])]);
}

function describe(roundTripsMs: readonly (number | null)[]): string {
  if (roundTripsMs.includes(null)) return 'FAIL';
  return Math.min(...roundTripsMs.map((rttMs) => rttMs ?? Infinity)).toFixed(2);
}
