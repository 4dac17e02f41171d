/**
 * Adaptive busy polling: after a small batch the thread looks again for a moment before it sleeps, because waking up costs
 * more than a round trip on the wire (on virtual machines an idle processor takes tens of microseconds to come back).
 * It does so only while that pays: a look in vain makes the next one rarer (doubling, up to a second), and while threads
 * have to wait for processors, this one among them, nobody is helped by one more that is busy: then it does not look.
 */

/** How long to look before sleeping: longer than a round trip to a pod that answers at once (measured 70 to 180 us). */
const LOOK_MS = 0.15;
/** Processors are short when this thread waited for one for more than this share of the time. */
const CONTENDED_SHARE = 0.1;
const CONTENTION_WINDOW_MS = 10;
const CONTENDED_PAUSE_MS = 100;
const FIRST_PAUSE_MS = 0.2;
const MAX_PAUSE_MS = 1000;

export class BusyPoll {
  /** No looking before this time. */
  #notBeforeMs = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #windowStartMs = 0;
  #waitedThenMs = 0;

  /**
   * @param look true when something is there
   * @param nowMs a clock with microsecond resolution
   * @param waitedMs for how long this thread has waited for a processor so far
   */
  constructor(
    private readonly look: () => boolean,
    private readonly nowMs: () => number,
    private readonly waitedMs: () => number,
  ) {}

  /** Looks for a moment, if that pays. True when something came. `start` is the time now. */
  await(start: number): boolean {
    if (start < this.#notBeforeMs) return false;
    if (start - this.#windowStartMs >= CONTENTION_WINDOW_MS && this.#isContended(start)) {
      this.#notBeforeMs = start + CONTENDED_PAUSE_MS;
      return false;
    }
    const found = this.#lookUntil(start + LOOK_MS);
    if (!found) this.#notBeforeMs = start + this.#pauseMs;
    this.#pauseMs = found ? FIRST_PAUSE_MS : Math.min(MAX_PAUSE_MS, this.#pauseMs * 2);
    return found;
  }

  /** Whether processors were short since this was last asked. */
  #isContended(now: number): boolean {
    const waited = this.waitedMs();
    const share = (waited - this.#waitedThenMs) / (now - this.#windowStartMs);
    this.#waitedThenMs = waited;
    this.#windowStartMs = now;
    return share > CONTENDED_SHARE;
  }

  #lookUntil(endMs: number): boolean {
    do {
      if (this.look()) return true;
    } while (this.nowMs() < endMs);
    return false;
  }
}
