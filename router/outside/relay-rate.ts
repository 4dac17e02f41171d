/** Token buckets of a relay: one for each pair, and one for all pairs together. In bytes. */
import { MAX_RELAY_PAIRS } from '../../common/protocol.js';
import { RELAY_BURST_MS, RELAY_BYTES_PER_SECOND, RELAY_PAIR_BYTES_PER_SECOND } from '../limits.js';

/** Place of the bucket of all pairs. */
const ALL = MAX_RELAY_PAIRS;

export class RelayRate {
  readonly #bytes = new Float64Array(MAX_RELAY_PAIRS + 1);
  readonly #filledMs = new Float64Array(MAX_RELAY_PAIRS + 1).fill(-Infinity);
  readonly #pairBytesPerMs: number;
  readonly #allBytesPerMs: number;

  /** @param threads that relay, each an equal part of the rates */
  constructor(threads: number) {
    this.#pairBytesPerMs = RELAY_PAIR_BYTES_PER_SECOND / 1000 / threads;
    this.#allBytesPerMs = RELAY_BYTES_PER_SECOND / 1000 / threads;
  }

  /** Whether a datagram of this size is within both rates; if so, it counts. */
  take(pair: number, bytes: number, nowMs: number): boolean {
    this.#fill(pair, this.#pairBytesPerMs, nowMs);
    this.#fill(ALL, this.#allBytesPerMs, nowMs);
    if (this.#bytes[pair]! < bytes || this.#bytes[ALL]! < bytes) return false;
    this.#bytes[pair] = this.#bytes[pair]! - bytes;
    this.#bytes[ALL] = this.#bytes[ALL]! - bytes;
    return true;
  }

  #fill(bucket: number, bytesPerMs: number, nowMs: number): void {
    const sinceMs = Math.min(RELAY_BURST_MS, nowMs - this.#filledMs[bucket]!);
    this.#filledMs[bucket] = nowMs;
    this.#bytes[bucket] = Math.min(bytesPerMs * RELAY_BURST_MS, this.#bytes[bucket]! + sinceMs * bytesPerMs);
  }
}
