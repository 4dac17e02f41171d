/** Token buckets by key, pure: each key may take `burst` tokens at once and `perSecond` in the long run. */
import { BoundedMap } from '../common/bounded-map.js';

export interface RateLimits {
  /** A function for one that may grow: a key that has used up its tokens then gets as many more. */
  readonly burst: number | (() => number);
  readonly perSecond: number;
  /** Keys remembered; the one used longest ago is dropped beyond this and starts full again. */
  readonly maxKeys: number;
}

interface Bucket {
  /** Tokens taken and not given back since. */
  used: number;
  atMs: number;
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
    const used = this.#used(key, nowMs);
    const taken = Math.max(0, Math.min(count, Math.floor(this.#burst - used)));
    const bucket = this.#buckets.get(key) ?? { used: 0, atMs: 0 };
    bucket.used = used + taken;
    bucket.atMs = nowMs;
    // Its place matters only once keys are dropped.
    if (this.#buckets.size >= this.#limits.maxKeys || !this.#buckets.has(key)) this.#buckets.set(key, bucket);
    return taken;
  }

  /** Whether {@link take} would succeed. */
  has(key: Key, nowMs: number): boolean {
    return this.#burst - this.#used(key, nowMs) >= 1;
  }

  get #burst(): number {
    const { burst } = this.#limits;
    return typeof burst === 'number' ? burst : burst();
  }

  #used(key: Key, nowMs: number): number {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return 0;
    return Math.max(0, bucket.used - ((nowMs - bucket.atMs) * this.#limits.perSecond) / 1000);
  }
}
