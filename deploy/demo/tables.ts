/** What the demo shows of pings and peers, as text. Pure. */
import type { PingResult } from './checks/index.js';

const GAP = '  ';

/**
 * Rows from, columns to; each cell the best round trip in milliseconds over the families, `FAIL` when one family does not
 * get through, `·` on the diagonal.
 */
export function pingMatrix(results: readonly PingResult[], pods: readonly string[]): string {
  const cells = new Map<string, (number | null)[]>();
  for (const { from, to, rttMs } of results) cells.set(`${from} ${to}`, [...(cells.get(`${from} ${to}`) ?? []), rttMs]);
  const cell = (from: string, to: string): string =>
    from === to ? '·' : describe(cells.get(`${from} ${to}`) ?? [null]);
  return alignColumns([['ms', ...pods], ...pods.map((from) => [from, ...pods.map((to) => cell(from, to))])]);
}

/** Pads every column to its widest cell; the first is left-aligned, the others right. */
export function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const pad = (text: string, column: number): string =>
    column === 0 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0);
  return rows.map((row) => row.map(pad).join(GAP)).join('\n');
}

function describe(roundTripsMs: readonly (number | null)[]): string {
  if (roundTripsMs.includes(null)) return 'FAIL';
  return Math.min(...roundTripsMs.map((rttMs) => rttMs ?? Infinity)).toFixed(2);
}
