/**
 * What the other end is told of the way that this node sends to it: some times over, since a message may be lost. Pure but for its
 * own state.
 */
import { RELAY_SAID_TIMES, RELAY_SAY_AGAIN_MS } from '../relay-limits.js';

export class RelayNews {
  #times = 0;
  #nextMs = Infinity;

  /** When it is told next; Infinity: it knows. */
  get nextMs(): number {
    return this.#nextMs;
  }

  /** The way is another one. */
  begin(nowMs: number): void {
    this.#times = RELAY_SAID_TIMES;
    this.#nextMs = nowMs;
  }

  end(): void {
    this.#times = 0;
    this.#nextMs = Infinity;
  }

  /** Whether it is told now. */
  isTold(nowMs: number): boolean {
    if (nowMs < this.#nextMs) return false;
    this.#times--;
    this.#nextMs = this.#times === 0 ? Infinity : nowMs + RELAY_SAY_AGAIN_MS;
    return true;
  }
}
