/**
 * This node's own advert: signed anew when the node's description changes, every hour, and when other nodes have an
 * advert with a higher revision under this id, from an earlier process or from a clone.
 */
import { signAdvert } from '../wire/advert.js';
import type { Advert, AdvertStamp } from '../wire/advert.js';
import type { NodeIdentity } from '../wire/identity.js';
import { ADVERT_MIN_INTERVAL_MS, ADVERT_REFRESH_MS } from '../limits.js';
import type { RandomSource, SelfDescription } from '../mesh-io.js';
import { WallClock } from '../wall-clock.js';

export type VaryingFields = Pick<AdvertStamp, 'lowestStamp' | 'secretIds'>;

export class SelfAdvert {
  readonly #identity: NodeIdentity;
  readonly #incarnation: number;
  readonly #wall: WallClock;
  readonly #varying: () => VaryingFields;
  #self: SelfDescription;
  #advert: Advert;
  #started = false;
  #signedMs = 0;
  #dirty = false;

  /**
   * @param wallClockMs wall-clock time at this call
   * @param varying what the advert says besides the description when it is signed
   */
  constructor(
    identity: NodeIdentity,
    self: SelfDescription,
    random: RandomSource,
    wallClockMs: number,
    varying: () => VaryingFields = () => ({ lowestStamp: 0 }),
  ) {
    this.#identity = identity;
    this.#varying = varying;
    this.#self = self;
    this.#wall = new WallClock(wallClockMs);
    const [a, b, c, d] = random.bytes(4);
    this.#incarnation = a! * 0x1000000 + b! * 0x10000 + c! * 0x100 + d!;
    const madeAtMs = Math.floor(wallClockMs);
    this.#advert = this.#sign(madeAtMs, madeAtMs);
  }

  get current(): Advert {
    return this.#advert;
  }

  /** What the advert says besides the description has changed. */
  renew(): void {
    this.#dirty = true;
  }

  /** Signs anew at once, before any other node has the advert. */
  replace(): void {
    this.#advert = this.#sign(this.#advert.createdAtMs, this.#advert.revision + 1);
  }

  setDescription(self: SelfDescription): void {
    this.#self = self;
    this.#dirty = true;
  }

  /**
   * Signs a successor to an advert under this node's id that other nodes have: with the earlier claim time, and with a
   * higher revision at the next {@link advance}. True when a clone, another process with the same key, must have signed it.
   */
  supersede(advert: Advert): boolean {
    const isNewer = advert.revision > this.#advert.revision;
    const isOlderClaim = advert.createdAtMs < this.#advert.createdAtMs;
    if (!isNewer && !isOlderClaim) return false;
    const isForeign = isNewer && advert.incarnation !== this.#incarnation && this.#started;
    this.#advert = this.#sign(
      Math.min(advert.createdAtMs, this.#advert.createdAtMs),
      Math.max(advert.revision, this.#advert.revision),
    );
    this.#dirty = true;
    return isForeign;
  }

  /** Signs anew if it is time; true when there is a new advert. */
  advance(nowMs: number): boolean {
    const wallMs = Math.floor(this.#wall.at(nowMs));
    this.#started = true;
    if (nowMs < this.pollAt(nowMs)) return false;
    this.#advert = this.#sign(this.#advert.createdAtMs, Math.max(wallMs, this.#advert.revision + 1));
    this.#signedMs = nowMs;
    this.#dirty = false;
    return true;
  }

  pollAt(nowMs: number): number {
    if (!this.#started) return nowMs;
    return this.#signedMs + (this.#dirty ? ADVERT_MIN_INTERVAL_MS : ADVERT_REFRESH_MS);
  }

  /** Above the highest revision there is none: who has signed that with this key keeps the node from any newer advert. */
  #sign(createdAtMs: number, wantedRevision: number): Advert {
    const revision = Math.min(wantedRevision, Number.MAX_SAFE_INTEGER);
    const stamp = { createdAtMs, revision, incarnation: this.#incarnation, ...this.#varying() };
    return signAdvert(this.#identity, this.#self, stamp);
  }
}
