/**
 * The core's own time: the caller's monotonic clock, but never backwards, and with a note of when the process stood
 * still. If the caller's clock jumps back, core time goes on from where it was. Core time is in whole milliseconds, so
 * that adding and taking away the offset loses nothing.
 */
import { PAUSE_MS } from './limits.js';

export class CoreClock {
  /** Core time minus the caller's time. */
  #offsetMs = 0;
  #lastMs: number | null = null;

  /** Takes the caller's time and gives core time. */
  advance(callerMs: number): number {
    const nowMs = Math.floor(callerMs) + this.#offsetMs;
    if (this.#lastMs !== null && nowMs < this.#lastMs) {
      this.#offsetMs += this.#lastMs - nowMs;
      return this.#lastMs;
    }
    this.#lastMs = nowMs;
    return nowMs;
  }

  /** Last core time, 0 before the first event. */
  get nowMs(): number {
    return this.#lastMs ?? 0;
  }

  /** Rounded up: at that time of the caller, core time is `coreMs` or later. */
  toCaller(coreMs: number): number {
    return Math.ceil(coreMs) - this.#offsetMs;
  }

  fromCaller(callerMs: number): number {
    return Math.floor(callerMs) + this.#offsetMs;
  }
}

/** How long the process stood still: it wanted to be called at `dueMs` and was called much later. 0 when not. */
export function pauseBetween(dueMs: number | null, nowMs: number): number {
  return dueMs !== null && nowMs - dueMs > PAUSE_MS ? nowMs - dueMs : 0;
}
