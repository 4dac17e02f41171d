/**
 * Clock of the core: the caller's monotonic clock, made never to go backwards. When the caller's clock jumps back, core time
 * continues from its last value. Core time is in whole milliseconds, so that adding and subtracting the offset is exact.
 */
import { PAUSE_MS } from './limits.js';

export class CoreClock {
  /** Core time minus the caller's time. */
  #offsetMs = 0;
  #lastMs: number | null = null;

  /** Converts the caller's time to core time. */
  advance(callerMs: number): number {
    const nowMs = Math.floor(callerMs) + this.#offsetMs;
    if (this.#lastMs !== null && nowMs < this.#lastMs) {
      this.#offsetMs += this.#lastMs - nowMs;
      return this.#lastMs;
    }
    this.#lastMs = nowMs;
    return nowMs;
  }

  /** The caller's time, rounded up, at which core time is `coreMs` or later. */
  toCaller(coreMs: number): number {
    return Math.ceil(coreMs) - this.#offsetMs;
  }

  fromCaller(callerMs: number): number {
    return Math.floor(callerMs) + this.#offsetMs;
  }
}

/** How long the process stood still: the delay of a call that was due at `dueMs`, if longer than PAUSE_MS; else 0. */
export function pauseBetween(dueMs: number | null, nowMs: number): number {
  return dueMs !== null && nowMs - dueMs > PAUSE_MS ? nowMs - dueMs : 0;
}
