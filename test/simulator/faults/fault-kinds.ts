/** Kinds of faults, and a plan of faults drawn from a seed: what fails, when, for how long, and where. */
import { SeededRandom } from '../../../mesh/testing/seeded-random.js';

/** What fails by itself. */
export const FAILURE_KINDS = [
  'loss',
  'burst-loss',
  'one-way-loss',
  'delay',
  'reorder',
  'duplicates',
  'halves',
  'one-way',
  'flapping',
  'nat-rebinding',
  'pause',
  'slow',
  'crash',
  'crash-disk',
  'router-crash',
  'cloned-disk',
  'same-cidr',
  'waves',
  'dead-tenth',
  'dead-half',
  'address',
  'seeds-gone',
  'skew',
  'no-path',
] as const;

/** What a member says that has the cluster secret and lies. */
export const LIE_KINDS = [
  'lie-claims',
  'lie-cluster-cidr',
  'lie-default-route',
  'lie-age',
  'lie-old-adverts',
  'lie-members',
  'lie-digests',
  'lie-questions',
  'lie-garbage',
  'lie-handshakes',
  'lie-deaths',
  'lie-late-goodbyes',
  'lie-goodbye',
  'lie-revocations',
  'lie-relays',
] as const;

export const FAULT_KINDS = [...FAILURE_KINDS, ...LIE_KINDS] as const;

export type FailureKind = (typeof FAILURE_KINDS)[number];
export type LieKind = (typeof LIE_KINDS)[number];
export type FaultKind = (typeof FAULT_KINDS)[number];

export function isLie(kind: FaultKind): kind is LieKind {
  return (LIE_KINDS as readonly string[]).includes(kind);
}

export interface Fault {
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly forMs: number;
  /** Decides which nodes it hits, and how hard. */
  readonly seed: number;
}

/** Mean time between two faults. */
const SPACING_MS = 8_000;
const SHORTEST_MS = 2_000;
const LONGEST_MS = 20_000;

/** Faults that begin and end between the two times. */
export function planFaults(kinds: readonly FaultKind[], seed: number, fromMs: number, untilMs: number): Fault[] {
  if (kinds.length === 0 || untilMs - fromMs < 2 * SHORTEST_MS) return [];
  const random = new SeededRandom(seed);
  const count = Math.ceil((untilMs - fromMs) / SPACING_MS);
  const faults = Array.from({ length: count }, (): Fault => {
    const forMs = Math.min(SHORTEST_MS + random.fraction() * (LONGEST_MS - SHORTEST_MS), untilMs - fromMs);
    const atMs = fromMs + random.fraction() * (untilMs - fromMs - forMs);
    const kind = kinds[Math.floor(random.fraction() * kinds.length)]!;
    return { kind, atMs: Math.floor(atMs), forMs: Math.floor(forMs), seed: Math.floor(random.fraction() * 2 ** 31) };
  });
  return faults.sort((a, b) => a.atMs - b.atMs);
}

export function describeFault({ kind, atMs, forMs }: Fault): string {
  return `${kind} at ${(atMs / 1000).toFixed(1)} s for ${(forMs / 1000).toFixed(1)} s`;
}
