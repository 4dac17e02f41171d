/**
 * Times at which peers on quiet links are shown where this node is. Peers see it at another address than before: then at once, but
 * not again within TOUCH_INTERVAL_MS; what changes meanwhile is shown at its end.
 */
import { TOUCH_INTERVAL_MS } from '../limits.js';

export class Touches {
  #lastMs = -Infinity;
  #dueMs = Infinity;

  /** The address is another one. */
  want(nowMs: number): void {
    this.#dueMs = Math.min(this.#dueMs, Math.max(nowMs, this.#lastMs + TOUCH_INTERVAL_MS));
  }

  /** When {@link take} is true, or null. */
  pollAt(): number | null {
    return this.#dueMs === Infinity ? null : this.#dueMs;
  }

  /** Whether peers are to be touched now. */
  take(nowMs: number): boolean {
    if (nowMs < this.#dueMs) return false;
    this.#lastMs = nowMs;
    this.#dueMs = Infinity;
    return true;
  }
}
