/** Times of CNI calls: their percentiles, as a table. Pure. */

export interface CallTimes {
  readonly subject: string;
  /** Calls at a time. */
  readonly atOnce: number;
  readonly verb: 'ADD' | 'DEL';
  readonly ms: readonly number[];
}

/** Nearest rank; null of none. @param share from 0 to 1 */
export function percentile(values: readonly number[], share: number): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

const HEADER = ['', 'at once', 'verb', 'p50 ms', 'p99 ms', 'p50 / first'];

/** The ratio is to the first subject with the same verb and number of calls at a time. */
export function callTable(times: readonly CallTimes[]): string {
  const rows = times.map(({ subject, atOnce, verb, ms }) => {
    const [first] = times.filter((one) => one.atOnce === atOnce && one.verb === verb);
    const ratio = (percentile(ms, 0.5) ?? NaN) / (percentile(first!.ms, 0.5) ?? NaN);
    const figures = [percentile(ms, 0.5), percentile(ms, 0.99)].map((value) => value?.toFixed(1) ?? '-');
    return [subject, String(atOnce), verb, ...figures, ratio.toFixed(2)];
  });
  const all = [HEADER, ...rows];
  const widths = HEADER.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ');
  return `${all.map(line).join('\n')}\n`;
}
