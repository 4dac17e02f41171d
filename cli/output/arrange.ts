/** Order and selection of rows: by name, or the worst first by state, round trip or loss; and by state. */

export const SORT_KEYS = ['name', 'state', 'rtt', 'loss'] as const;
export type SortKey = (typeof SORT_KEYS)[number];

/** What rows are arranged by; a row has what its kind knows. */
export interface Arrangeable {
  readonly name?: string;
  readonly state?: string;
  readonly rttMs?: number | null;
  readonly lossRatio?: number | null;
}

export interface Arrangement {
  readonly sortBy: SortKey;
  /** Only rows in one of these states; null for all. */
  readonly states: readonly string[] | null;
}

/** Worst first. An unknown state of a newer agent comes before `up`. */
const STATES = ['down', 'stale', 'connecting', 'up', 'idle', 'self'];

/** `n2` before `n10`. */
const byName = new Intl.Collator('en', { numeric: true });

export function arranged<Row extends Arrangeable>(rows: readonly Row[], { sortBy, states }: Arrangement): Row[] {
  const badness = BADNESS[sortBy];
  return rows
    .filter(({ state }) => states === null || states.includes(state ?? ''))
    .sort((a, b) => badness(b) - badness(a) || byName.compare(a.name ?? '', b.name ?? ''));
}

const BADNESS: Readonly<Record<SortKey, (row: Arrangeable) => number>> = {
  name: () => 0,
  state: ({ state = '' }) =>
    STATES.length - (STATES.includes(state) ? STATES.indexOf(state) : STATES.indexOf('up') - 0.5),
  rtt: ({ rttMs }) => rttMs ?? -1,
  loss: ({ lossRatio }) => lossRatio ?? -1,
};
