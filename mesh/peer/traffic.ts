/**
 * Traffic of one link: when frames last passed, by the router's counters. A data link, one to a peer that is no neighbour, is
 * quiet after QUIET_AFTER_MS without a frame: nothing is sent on it, and it does not age. It is closed after CLOSE_AFTER_MS.
 */
import { CLOSE_AFTER_MS, QUIET_AFTER_MS } from '../limits.js';

export class Traffic {
  #frames: number | null = null;
  #lastMs: number;

  constructor(nowMs: number) {
    this.#lastMs = nowMs;
  }

  /** The link is new, or frames pass. */
  note(nowMs: number): void {
    this.#lastMs = nowMs;
  }

  /** @param frames sent and received since the router started; true when some passed since the last report */
  report(frames: number, nowMs: number): boolean {
    const hasPassed = frames !== (this.#frames ?? 0);
    this.#frames = frames;
    if (hasPassed) this.#lastMs = nowMs;
    return hasPassed;
  }

  isQuiet(nowMs: number): boolean {
    return nowMs - this.#lastMs >= QUIET_AFTER_MS;
  }

  get lastMs(): number {
    return this.#lastMs;
  }

  get closeAtMs(): number {
    return this.#lastMs + CLOSE_AFTER_MS;
  }
}
