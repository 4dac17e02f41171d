/** Wall clock of the core: the wall-clock time that it was given at its start, moved on by core time. */
export class WallClock {
  readonly #atStartMs: number;
  #startMs: number | null = null;

  /** @param atStartMs wall-clock time at this call; core time is counted from its first use here */
  constructor(atStartMs: number) {
    this.#atStartMs = Math.floor(atStartMs);
  }

  /** Core time since the first use, in ms. */
  elapsedMs(nowMs: number): number {
    this.#startMs ??= nowMs;
    return nowMs - this.#startMs;
  }

  /** Wall-clock time, in ms. */
  at(nowMs: number): number {
    return this.#atStartMs + this.elapsedMs(nowMs);
  }
}
