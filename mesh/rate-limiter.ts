/** Token buckets by key, pure: each key may take `burst` tokens at once and `perSecond` in the long run. */
import { BoundedMap } from '../common/bounded-map.js';

export interface RateLimits {
  readonly burst: number;
  readonly perSecond: number;
  /** Keys remembered; the one used longest ago is dropped beyond this and starts full again. */
  readonly maxKeys: number;
}

interface Bucket {
  tokens: number;
  filledMs: number;
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
    return this.takeUpTo(1, key, nowMs) === 1;
  }

  /** Takes as many tokens as the key has left, up to `count`. How many it took. */
  takeUpTo(count: number, key: Key, nowMs: number): number {
    const tokens = this.#tokens(key, nowMs);
    const taken = Math.min(count, Math.floor(tokens));
    const bucket = this.#buckets.get(key) ?? { tokens: 0, filledMs: 0 };
    bucket.tokens = tokens - taken;
    bucket.filledMs = nowMs;
    // Its place matters only once keys are dropped.
    if (this.#buckets.size >= this.#limits.maxKeys || !this.#buckets.has(key)) this.#buckets.set(key, bucket);
    return taken;
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
