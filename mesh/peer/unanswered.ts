/**
 * Frames that leave on a link that is up, while nothing is heard on it. The router keeps copies of them, and says so. Soon the peer is
 * dialled at all its addresses, and then sought through a relay (`relay-need.ts`): the copies leave again where it is found.
 */
import { UNANSWERED_DIAL_MS } from '../limits.js';

export class Unanswered {
  #sinceMs: number | null = null;

  /** Since when, or null. */
  get sinceMs(): number | null {
    return this.#sinceMs;
  }

  begin(nowMs: number): void {
    this.#sinceMs ??= nowMs;
  }

  heard(atMs: number): void {
    if (this.#sinceMs !== null && atMs >= this.#sinceMs) this.#sinceMs = null;
  }

  /** The link ended, or a handshake has finished. */
  end(): void {
    this.#sinceMs = null;
  }

  /** When the peer is dialled, Infinity for never. */
  get dialAtMs(): number {
    return this.#sinceMs === null ? Infinity : this.#sinceMs + UNANSWERED_DIAL_MS;
  }
}
