/**
 * Adaptive busy polling: after a small batch the thread polls for a moment before it sleeps, because a wake-up costs more
 * than a round trip on the wire (on virtual machines an idle processor takes tens of microseconds to resume). Polling that
 * found nothing is repeated later (the delay doubles, up to a second). While this thread has to wait for a processor, it
 * does not busy-poll: it would take the time of the processes it waits for.
 */

/** Duration of one busy poll: longer than a round trip to a pod that responds at once (measured 70 to 180 us). */
const POLL_MS = 0.15;
/** Processors are contended when this thread waited for one for more than this share of the time. */
const CONTENDED_SHARE = 0.1;
const CONTENTION_WINDOW_MS = 10;
const CONTENDED_PAUSE_MS = 100;
const FIRST_PAUSE_MS = 0.2;
const MAX_PAUSE_MS = 1000;

export class BusyPoll {
  /** No busy poll before this time. */
  #notBeforeMs = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #windowStartMs = 0;
  #waitedThenMs = 0;

  /**
   * @param poll true when a descriptor is ready
   * @param nowMs a clock with microsecond resolution
   * @param waitedMs time that this thread has waited for a processor so far
   */
  constructor(
    private readonly poll: () => boolean,
    private readonly nowMs: () => number,
    private readonly waitedMs: () => number,
  ) {}

  /** Busy-polls for {@link POLL_MS} unless that is suspended. True when a descriptor became ready. `start` is the time now. */
  await(start: number): boolean {
    if (start < this.#notBeforeMs) return false;
    if (start - this.#windowStartMs >= CONTENTION_WINDOW_MS && this.#isContended(start)) {
      this.#notBeforeMs = start + CONTENDED_PAUSE_MS;
      return false;
    }
    const found = this.#pollUntil(start + POLL_MS);
    if (!found) this.#notBeforeMs = start + this.#pauseMs;
    this.#pauseMs = found ? FIRST_PAUSE_MS : Math.min(MAX_PAUSE_MS, this.#pauseMs * 2);
    return found;
  }

  /** Whether processors were contended since the last call. */
  #isContended(now: number): boolean {
    const waited = this.waitedMs();
    const share = (waited - this.#waitedThenMs) / (now - this.#windowStartMs);
    this.#waitedThenMs = waited;
    this.#windowStartMs = now;
    return share > CONTENDED_SHARE;
  }

  #pollUntil(endMs: number): boolean {
    do {
      if (this.poll()) return true;
    } while (this.nowMs() < endMs);
    return false;
  }
}
