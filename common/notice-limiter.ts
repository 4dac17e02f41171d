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
  /** Groups within others are told apart within one interval only while all are fewer than this. None by default. */
  readonly maxGroups?: number;
}

/** Notices of which the first ones within one interval pass though others have used up its total. */
export interface NoticeGroup {
  /** Strangers must not make it up, unless the group is within another one. */
  readonly name: string;
  /** How many those are. */
  readonly share: number;
  /** The group of which the notices are when there is no room for this one. */
  readonly within?: NoticeGroup;
}

interface Kind {
  readonly passedMs: number;
  heldBack: number;
}

export class NoticeLimiter {
  readonly #limits: Required<NoticeLimits>;
  /** Bounded by `maxKinds`. */
  readonly #kinds: BoundedMap<string, Kind>;
  /** Its groups are bounded by `maxGroups`, and by the caller, which makes up those that are within no other. */
  #interval = { startMs: 0, passed: 0, ofGroup: new Map<string, number>() };

  constructor(limits: NoticeLimits) {
    this.#limits = { maxPerInterval: Infinity, maxGroups: 0, ...limits };
    this.#kinds = new BoundedMap(limits.maxKinds);
  }

  /** How many of this kind were held back since the last one that passed; null when this one is held back too. */
  admit(kind: string, nowMs: number, group: NoticeGroup | null = null): number | null {
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

  #hasRoom(group: NoticeGroup | null, nowMs: number): boolean {
    const { intervalMs, maxPerInterval } = this.#limits;
    if (nowMs - this.#interval.startMs >= intervalMs)
      this.#interval = { startMs: nowMs, passed: 0, ofGroup: new Map() };
    const isOfShare = group !== null && this.#hasShare(group);
    return ++this.#interval.passed <= maxPerInterval || isOfShare;
  }

  #hasShare({ name, share, within }: NoticeGroup): boolean {
    const { ofGroup } = this.#interval;
    const count = ofGroup.get(name) ?? 0;
    const isFull = count === 0 && ofGroup.size >= this.#limits.maxGroups;
    if (within !== undefined && isFull) return this.#hasShare(within);
    ofGroup.set(name, count + 1);
    return count < share;
  }

  /** The next notice of this kind passes at once: the condition behind the last one has ended. */
  clear(kind: string): void {
    this.#kinds.delete(kind);
  }
}
