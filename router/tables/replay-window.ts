/**
 * Replay windows after RFC 6479: a bitmap ring over the last WINDOW_UNITS unit counters of each receive context, in one typed
 * array for all contexts. Counters are numbers below 2^48. Check before opening, mark after: a forged unit must not move the
 * window.
 */
const WORDS_PER_WINDOW = 128;
/** One word is always being cleared, so the window is one word short of the ring. */
export const WINDOW_UNITS = (WORDS_PER_WINDOW - 1) * 32;

export class ReplayWindows {
  readonly #bits: Uint32Array;
  /** Highest counter marked, -1 when none. */
  readonly #highest: Float64Array;

  /** @param contexts how many windows; they are numbered from 0 */
  constructor(contexts: number) {
    this.#bits = new Uint32Array(contexts * WORDS_PER_WINDOW);
    this.#highest = new Float64Array(contexts).fill(-1);
  }

  reset(context: number): void {
    this.#bits.fill(0, context * WORDS_PER_WINDOW, (context + 1) * WORDS_PER_WINDOW);
    this.#highest[context] = -1;
  }

  /** Goes on after another window: all counters up to `highest` count as marked. */
  resume(context: number, highest: number): void {
    if (highest < 0) return this.reset(context);
    const start = context * WORDS_PER_WINDOW;
    this.#bits.fill(0xffffffff, start, start + WORDS_PER_WINDOW);
    this.#bits[start + (Math.floor(highest / 32) % WORDS_PER_WINDOW)] = 0xffffffff >>> (31 - (highest % 32));
    this.#highest[context] = highest;
  }

  highest(context: number): number {
    return this.#highest[context]!;
  }

  /** True when the counter is within or above the window and has not been marked. */
  isFresh(context: number, counter: number): boolean {
    const highest = this.#highest[context]!;
    if (counter > highest) return true;
    if (counter + WINDOW_UNITS <= highest) return false;
    const word = Math.floor(counter / 32) % WORDS_PER_WINDOW;
    return (this.#bits[context * WORDS_PER_WINDOW + word]! & (1 << (counter % 32))) === 0;
  }

  /** Marks an authenticated counter that {@link isFresh}. */
  mark(context: number, counter: number): void {
    const start = context * WORDS_PER_WINDOW;
    const index = Math.floor(counter / 32);
    const highest = this.#highest[context]!;
    if (counter > highest) {
      const first = highest < 0 ? 0 : Math.floor(highest / 32) + 1;
      const from = Math.max(first, index - WORDS_PER_WINDOW + 1);
      for (let i = from; i <= index; i++) this.#bits[start + (i % WORDS_PER_WINDOW)] = 0;
      this.#highest[context] = counter;
    }
    const word = start + (index % WORDS_PER_WINDOW);
    this.#bits[word] = this.#bits[word]! | (1 << (counter % 32));
  }
}
