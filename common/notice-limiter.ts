/**
 * Rate limiter of notices for people, pure: the first one of a kind passes at once, its repetitions within the interval
 * are held back and counted, and the next one that passes says how many they were.
 */
import { BoundedMap } from './bounded-map.js';

export interface NoticeLimits {
  /** A kind passes once in this time. */
  readonly intervalMs: number;
  /** Kinds remembered, since strangers may name them; the oldest is forgotten beyond this and passes again. */
  readonly maxKinds: number;
  /** Notices of all kinds that pass within one interval; unlimited by default. */
  readonly maxPerInterval?: number;
}

interface Kind {
  readonly passedMs: number;
  heldBack: number;
}

export class NoticeLimiter {
  readonly #limits: Required<NoticeLimits>;
  /** Bounded by `maxKinds`. */
  readonly #kinds: BoundedMap<string, Kind>;
  #interval = { startMs: 0, passed: 0 };

  constructor(limits: NoticeLimits) {
    this.#limits = { maxPerInterval: Infinity, ...limits };
    this.#kinds = new BoundedMap(limits.maxKinds);
  }

  /** How many of this kind were held back since the last one that passed; null when this one is held back too. */
  admit(kind: string, nowMs: number): number | null {
    const { intervalMs, maxPerInterval } = this.#limits;
    const known = this.#kinds.get(kind);
    if (known !== undefined && nowMs - known.passedMs < intervalMs) {
      known.heldBack++;
      return null;
    }
    if (nowMs - this.#interval.startMs >= intervalMs) this.#interval = { startMs: nowMs, passed: 0 };
    if (++this.#interval.passed > maxPerInterval) return null;
    this.#kinds.set(kind, { passedMs: nowMs, heldBack: 0 });
    return known?.heldBack ?? 0;
  }

  /** The next notice of this kind passes at once: the condition behind the last one has ended. */
  clear(kind: string): void {
    this.#kinds.delete(kind);
  }
}
