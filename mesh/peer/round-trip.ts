/**
 * Round-trip time of a link: the median of the last ROUND_TRIP_SAMPLES probe answers. Single answers are delayed, by a
 * thread that waits for a processor or runs code for the first time, for many times the true round trip. The mean of
 * RFC 6298, with a gain of 1/8, shows such a delay for half a minute at a probe a second; the median does not. A true change
 * is shown after half a window.
 */
import { ROUND_TRIP_SAMPLES } from '../limits.js';

export class RoundTrip {
  /** Oldest first. Bounded by ROUND_TRIP_SAMPLES. */
  readonly #samplesMs: number[] = [];
  /** Of the samples, once it was asked for. */
  #medianMs: number | null = null;

  /** Null before the first sample. Of an even number of samples the lower one of the two in the middle. */
  get medianMs(): number | null {
    if (this.#samplesMs.length === 0) return null;
    this.#medianMs ??= Float64Array.from(this.#samplesMs).sort()[(this.#samplesMs.length - 1) >> 1]!;
    return this.#medianMs;
  }

  add(sampleMs: number): void {
    this.#samplesMs.push(sampleMs);
    if (this.#samplesMs.length > ROUND_TRIP_SAMPLES) this.#samplesMs.shift();
    this.#medianMs = null;
  }

  /** The link is down: the next path may have another round trip. */
  clear(): void {
    this.#samplesMs.length = 0;
    this.#medianMs = null;
  }
}
