/**
 * When a node that has learned many members compares its adverts, beside the comparisons of every ANTI_ENTROPY_MS (ADR 0047): a
 * while after the last of many new adverts, and again until nothing was new and nothing was lacking.
 *
 * ```
 *   new adverts   ||||||| ||  |                 |
 *   compares                       x       x        x       x   done: nothing new, nothing lacking
 *                              <-------> COMPARE_LINKED_MS
 * ```
 */
import { COMPARE_LINKED_MS, FEW_ADVERTS, MAX_FRUITLESS } from '../limits.js';

export class CatchingUp {
  #dueMs = Infinity;
  /** Adverts that were new since the last comparison, and how many of them {@link advance} has seen. */
  #news = 0;
  #newsSeen = 0;
  /** The last comparison showed adverts that this node lacks. */
  #isLacking = false;
  /** How often in a row they did not come: this node admits only so many of one peer, and may admit them of another. */
  #fruitless = 0;

  /** When the next comparison is due, in milliseconds of the core's clock; Infinity while few adverts come. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** An advert was new. */
  noteNew(): void {
    this.#news++;
  }

  /** A comparison showed adverts that this node has asked for. */
  noteLacking(): void {
    this.#isLacking = true;
  }

  /** Many new adverts at once, and each one after these, put off the comparison that they lead to. */
  advance(nowMs: number): void {
    const isNew = this.#news > this.#newsSeen;
    this.#newsSeen = this.#news;
    if (isNew && (this.#dueMs !== Infinity || this.#news > FEW_ADVERTS)) this.#dueMs = nowMs + COMPARE_LINKED_MS;
    if (nowMs >= this.#dueMs) this.#decide();
  }

  /** Adverts are compared now. */
  compared(nowMs: number): void {
    if (this.#dueMs !== Infinity) this.#dueMs = nowMs + COMPARE_LINKED_MS;
    this.#news = this.#newsSeen = 0;
  }

  /** Whether the comparison that is due is needed still. */
  #decide(): void {
    this.#fruitless = this.#isLacking && this.#news === 0 ? this.#fruitless + 1 : 0;
    const isDone = this.#news === 0 && !this.#isLacking;
    if (isDone || this.#fruitless > MAX_FRUITLESS) this.#dueMs = Infinity;
    this.#isLacking = false;
  }
}
