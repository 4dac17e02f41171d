/** When the next search for a relay to a peer may begin: later and later while none is found. Pure but for its own state. */
import { MAX_RELAY_RETRY_MS, RELAY_RETRY_MS } from '../relay-limits.js';

export class SearchTimes {
  #failures = 0;
  #nextMs = -Infinity;

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
}
