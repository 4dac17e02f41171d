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
  /** The first ones of each group within one interval, which pass though others have used that up; none by default. */
  readonly ofEachGroup?: number;
}

interface Kind {
  readonly passedMs: number;
  heldBack: number;
}

export class NoticeLimiter {
  readonly #limits: Required<NoticeLimits>;
  /** Bounded by `maxKinds`. */
  readonly #kinds: BoundedMap<string, Kind>;
  /** Groups are bounded by the caller, which makes them up. */
  #interval = { startMs: 0, passed: 0, ofGroup: new Map<string, number>() };

  constructor(limits: NoticeLimits) {
    this.#limits = { maxPerInterval: Infinity, ofEachGroup: 0, ...limits };
    this.#kinds = new BoundedMap(limits.maxKinds);
  }

  /**
   * How many of this kind were held back since the last one that passed; null when this one is held back too.
   * @param group of kinds; strangers must not name it
   */
  admit(kind: string, nowMs: number, group = ''): number | null {
    const { intervalMs } = this.#limits;
    const known = this.#kinds.get(kind);
    if (known !== undefined && nowMs - known.passedMs < intervalMs) {
      known.heldBack++;
      return null;
    }
    if (!this.#hasRoom(group, nowMs)) return null;
    this.#kinds.set(kind, { passedMs: nowMs, heldBack: 0 });
    return known?.heldBack ?? 0;
  }

  #hasRoom(group: string, nowMs: number): boolean {
    const { intervalMs, maxPerInterval, ofEachGroup } = this.#limits;
    if (nowMs - this.#interval.startMs >= intervalMs)
      this.#interval = { startMs: nowMs, passed: 0, ofGroup: new Map() };
    const { ofGroup } = this.#interval;
    const ofThis = (ofGroup.get(group) ?? 0) + 1;
    ofGroup.set(group, ofThis);
    return ++this.#interval.passed <= maxPerInterval || ofThis <= ofEachGroup;
  }

  /** The next notice of this kind passes at once: the condition behind the last one has ended. */
  clear(kind: string): void {
    this.#kinds.delete(kind);
  }
}
