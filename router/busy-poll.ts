/**
 * Adaptive busy polling: after a small batch the thread looks again for a moment before it sleeps, because waking up costs
 * more than a round trip on the wire (on virtual machines an idle processor takes tens of microseconds to come back).
 * It does so only while that pays: a look in vain makes the next one rarer (doubling, up to a second).
 */

/** How long to look before sleeping: longer than a round trip to a pod that answers at once (measured 70 to 180 us). */
const LOOK_MS = 0.15;
const FIRST_PAUSE_MS = 0.2;
const MAX_PAUSE_MS = 1000;

export class BusyPoll {
  /** No looking before this time. */
  #notBeforeMs = 0;
  #pauseMs = FIRST_PAUSE_MS;
  /**
   * @param look true when something is there
   * @param nowMs a clock with microsecond resolution
   */
  constructor(
    private readonly look: () => boolean,
    private readonly nowMs: () => number,
  ) {}

  /** Looks for a moment, if that pays. True when something came. */
  await(): boolean {
    const start = this.nowMs();
    if (start < this.#notBeforeMs) return false;
    const found = this.#lookUntil(start + LOOK_MS);
    if (!found) this.#notBeforeMs = start + this.#pauseMs;
    this.#pauseMs = found ? FIRST_PAUSE_MS : Math.min(MAX_PAUSE_MS, this.#pauseMs * 2);
    return found;
  }

  #lookUntil(endMs: number): boolean {
    do {
      if (this.look()) return true;
    } while (this.nowMs() < endMs);
    return false;
  }
}
