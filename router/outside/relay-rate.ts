/** Rates of a relay, in bytes: a token bucket for each pair, and an equal share of the rate of all for each member that opened pairs. */
import { MAX_RELAY_PAIRS } from '../../common/protocol.js';
import { RELAY_BURST_MS, RELAY_BYTES_PER_SECOND, RELAY_PAIR_BYTES_PER_SECOND } from '../limits.js';
import { RelayShares } from './relay-shares.js';

export class RelayRate {
  readonly #bytes = new Float64Array(MAX_RELAY_PAIRS);
  readonly #filledMs = new Float64Array(MAX_RELAY_PAIRS).fill(-Infinity);
  readonly #pairBytesPerMs: number;
  readonly #shares: RelayShares;

  /** @param threads that relay, each an equal part of the rates */
  constructor(threads: number) {
    this.#pairBytesPerMs = RELAY_PAIR_BYTES_PER_SECOND / 1000 / threads;
    const allBytesPerMs = RELAY_BYTES_PER_SECOND / 1000 / threads;
    this.#shares = new RelayShares(allBytesPerMs, allBytesPerMs * RELAY_BURST_MS);
  }

  /** Whether a datagram of this size is within both rates; if so, it counts. @param opener number of the member that pays */
  take(pair: number, opener: number, bytes: number, nowMs: number): boolean {
    this.#fill(pair, nowMs);
    if (this.#bytes[pair]! < bytes || !this.#shares.take(opener, bytes, nowMs)) return false;
    this.#bytes[pair] = this.#bytes[pair]! - bytes;
    return true;
  }

  #fill(pair: number, nowMs: number): void {
    const sinceMs = Math.min(RELAY_BURST_MS, nowMs - this.#filledMs[pair]!);
    this.#filledMs[pair] = nowMs;
    const most = this.#pairBytesPerMs * RELAY_BURST_MS;
    this.#bytes[pair] = Math.min(most, this.#bytes[pair]! + sinceMs * this.#pairBytesPerMs);
  }
}
