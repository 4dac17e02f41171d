/** Pauses between attempts at a server that fails: doubled each time, with jitter, so that nodes do not come all at once. */

const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 60_000;

export class BackOff {
  #failures = 0;

  /** @param random from 0 to 1 */
  constructor(private readonly random: () => number) {}

  /** Milliseconds until the next attempt: half of the doubled pause, and up to as much again. */
  next(): number {
    const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures);
    this.#failures++;
    return pauseMs / 2 + (this.random() * pauseMs) / 2;
  }

  reset(): void {
    this.#failures = 0;
  }
}
