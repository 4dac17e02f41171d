/** Token bucket per source address: limits the handshakes that one source can cause. */
import type { IpAddress } from '../../common/address/ip-address.js';
import { BoundedMap } from '../../common/bounded-map.js';
import { MAX_SOURCES, SOURCE_BURST, SOURCE_PER_SECOND } from '../limits.js';

interface Bucket {
  tokens: number;
  filledMs: number;
}

export class SourceLimiter {
  /** Bounded by MAX_SOURCES. */
  readonly #buckets = new BoundedMap<IpAddress, Bucket>(MAX_SOURCES);

  /** Takes a token; false when the source has none left. */
  take(source: IpAddress, nowMs: number): boolean {
    const bucket = this.#buckets.get(source) ?? { tokens: SOURCE_BURST, filledMs: nowMs };
    const gained = ((nowMs - bucket.filledMs) * SOURCE_PER_SECOND) / 1000;
    const tokens = Math.min(SOURCE_BURST, bucket.tokens + gained);
    const allowed = tokens >= 1;
    this.#buckets.set(source, { tokens: allowed ? tokens - 1 : tokens, filledMs: nowMs });
    return allowed;
  }
}
