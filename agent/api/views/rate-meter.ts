/** Throughput from rising byte counters: the average over the last interval between two samples. */

/** Silence after which nothing flows: counters are reported every second for as long as they move. */
const QUIET_AFTER_MS = 3_500;
/** Samples closer together than this make rates of noise. */
const MIN_INTERVAL_MS = 400;

interface Sample {
  readonly atMs: number;
  readonly counts: readonly number[];
}

export class RateMeter {
  /** Bounded by `keepOnly` or `forget`, which the owner calls for the keys that no longer exist. */
  readonly #series = new Map<string, { last: Sample; rates: readonly number[] }>();

  /**
   * False when the sample comes too soon after the last one, and is left out.
   * @param counts bytes so far, the same number of them every time
   */
  record(key: string, atMs: number, counts: readonly number[]): boolean {
    const known = this.#series.get(key);
    if (known === undefined) {
      this.#series.set(key, { last: { atMs, counts }, rates: counts.map(() => 0) });
      return true;
    }
    const elapsedMs = atMs - known.last.atMs;
    if (elapsedMs < MIN_INTERVAL_MS) return false;
    // A counter that fell began anew (the router restarted): what it says now is all there was since.
    const rates = counts.map((count, i) => {
      const before = known.last.counts[i] ?? 0;
      return ((count >= before ? count - before : count) * 8 * 1000) / elapsedMs;
    });
    this.#series.set(key, { last: { atMs, counts }, rates });
    return true;
  }

  /** The counters of the key were at this time what they were in its last sample. */
  stoodStill(key: string, atMs: number): void {
    const known = this.#series.get(key);
    if (known === undefined || known.last.atMs >= atMs) return;
    this.#series.set(key, { last: { ...known.last, atMs }, rates: known.rates.map(() => 0) });
  }

  /** Bits per second, one per counter; zeros when the key is unknown or has been quiet. */
  rates(key: string, nowMs: number, size: number): readonly number[] {
    const known = this.#series.get(key);
    if (known === undefined || nowMs - known.last.atMs > QUIET_AFTER_MS) return new Array<number>(size).fill(0);
    return known.rates;
  }

  forget(key: string): void {
    this.#series.delete(key);
  }

  /** Forgets all other keys. */
  keepOnly(keys: ReadonlySet<string>): void {
    for (const key of this.#series.keys()) if (!keys.has(key)) this.#series.delete(key);
  }
}
