/** When the next search for a relay to a peer may begin: later and later while none is found. Pure but for its own state. */
import { MAX_RELAY_RETRY_MS, RELAY_RETRY_MS } from '../relay-limits.js';

export class SearchTimes {
  #failures = 0;
  #nextMs = -Infinity;
  /** Before that it may not take a place that others wait for too. */
  #turnMs = -Infinity;

  get nextMs(): number {
    return this.#nextMs;
  }

  /** None is needed: as if there had been no search. */
  reset(): void {
    this.#failures = 0;
    this.#nextMs = -Infinity;
  }

  /** The relay in use is gone. */
  begin(nowMs: number): void {
    this.#nextMs = nowMs;
  }

  /** A search found none. */
  failed(nowMs: number): void {
    this.#nextMs = nowMs + Math.min(MAX_RELAY_RETRY_MS, RELAY_RETRY_MS * 2 ** Math.min(this.#failures++, 10));
  }

  isTurn(nowMs: number): boolean {
    return nowMs >= this.#turnMs;
  }

  /**
   * There is no place for it now. When it tries again, however much is heard of the peer before: else it would go before others.
   * @param fraction [0, 1): whose turn comes next is chance
   */
  putOff(fraction: number, nowMs: number): number {
    if (this.isTurn(nowMs)) this.#turnMs = nowMs + RELAY_RETRY_MS * fraction;
    return this.#turnMs;
  }
}
