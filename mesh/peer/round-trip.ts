/**
 * The round-trip time of a link as it is shown: the median of the last answers (a sliding-window median filter). What
 * delays single answers, a thread that waits for a processor or runs code for the first time, is many times the way
 * itself and only ever adds: a mean keeps it (RFC 6298's, with a gain of 1/8, for half a minute at a probe a second), the
 * median drops it. A way that did change is shown after half a window.
 */
import { ROUND_TRIP_SAMPLES } from '../limits.js';

export class RoundTrip {
  /** Oldest first. Bounded by ROUND_TRIP_SAMPLES. */
  readonly #samplesMs: number[] = [];
  #medianMs: number | null = null;

  /** Null before the first sample. Of an even number of samples the lower one of the two in the middle. */
  get medianMs(): number | null {
    return this.#medianMs;
  }

  add(sampleMs: number): void {
    this.#samplesMs.push(sampleMs);
    if (this.#samplesMs.length > ROUND_TRIP_SAMPLES) this.#samplesMs.shift();
    const sorted = this.#samplesMs.toSorted((a, b) => a - b);
    this.#medianMs = sorted[(sorted.length - 1) >> 1]!;
  }

  /** The link is down: what was measured says nothing of the way it will take next. */
  clear(): void {
    this.#samplesMs.length = 0;
    this.#medianMs = null;
  }
}
