/** Token buckets by key, pure: each key may take `burst` tokens at once and `perSecond` in the long run. */
import { BoundedMap } from '../common/bounded-map.js';

export interface RateLimits {
  readonly burst: number;
  readonly perSecond: number;
  /** Keys remembered; the one used longest ago is dropped beyond this and starts full again. */
  readonly maxKeys: number;
}

interface Bucket {
  readonly tokens: number;
  readonly filledMs: number;
}

export class RateLimiter<Key> {
  readonly #limits: RateLimits;
  /** Bounded by `maxKeys`. */
  readonly #buckets: BoundedMap<Key, Bucket>;

  constructor(limits: RateLimits) {
    this.#limits = limits;
    this.#buckets = new BoundedMap(limits.maxKeys);
  }

  /** Takes a token; false when the key has none left. */
  take(key: Key, nowMs: number): boolean {
    const tokens = this.#tokens(key, nowMs);
    const allowed = tokens >= 1;
    this.#buckets.set(key, { tokens: allowed ? tokens - 1 : tokens, filledMs: nowMs });
    return allowed;
  }

  /** Whether {@link take} would succeed. */
  has(key: Key, nowMs: number): boolean {
    return this.#tokens(key, nowMs) >= 1;
  }

  #tokens(key: Key, nowMs: number): number {
    const { burst, perSecond } = this.#limits;
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return burst;
    return Math.min(burst, bucket.tokens + ((nowMs - bucket.filledMs) * perSecond) / 1000);
  }
}
