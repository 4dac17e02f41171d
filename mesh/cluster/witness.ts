/**
 * Witness of ages: since when this node knows the members that came after it. In a conflict over a pod CIDR the earlier
 * identity wins, and each says itself how early it is. A node that has been in the cluster does not believe a member that it
 * never heard of to be older than its first advert here. A node that has just joined cannot know, and believes.
 */
import type { NodeId } from '../../common/node-id.js';
import { BoundedMap } from '../../common/bounded-map.js';
import { MAX_MEMBERS, WITNESS_AFTER_MS } from '../limits.js';
import { WallClock } from '../wall-clock.js';
import type { Advert } from '../wire/advert.js';

export class Witness {
  readonly #wallClock: WallClock;
  /** Whether this node was in the cluster before it started. */
  readonly #hasReturned: boolean;
  /** Wall-clock time of the first advert of members that came later. Bounded by MAX_MEMBERS. */
  readonly #firstHeard = new BoundedMap<NodeId, number>(MAX_MEMBERS);

  /**
   * @param kept what {@link kept} gave before the restart
   * @param hasReturned whether this node remembers other members
   */
  constructor(kept: readonly (readonly [NodeId, number])[], hasReturned: boolean, wallClockMs: number) {
    this.#wallClock = new WallClock(wallClockMs);
    this.#hasReturned = hasReturned;
    for (const [id, atMs] of kept.slice(0, MAX_MEMBERS)) this.#firstHeard.set(id, atMs);
  }

  /** Whether this node has been in the cluster for long enough to know who came after it. */
  isWitness(nowMs: number): boolean {
    return this.#wallClock.elapsedMs(nowMs) >= WITNESS_AFTER_MS || this.#hasReturned;
  }

  /** Wall-clock time, in ms. */
  wallClockMs(nowMs: number): number {
    return this.#wallClock.at(nowMs);
  }

  /** A member that was not known is learned from an advert that came just now. */
  heard(id: NodeId, nowMs: number): void {
    if (this.isWitness(nowMs)) this.#firstHeard.set(id, this.#wallClock.at(nowMs));
  }

  /** Since when the node's claims count, wall-clock ms. */
  claimsSinceMs({ id, createdAtMs }: Advert): number {
    return Math.max(createdAtMs, this.#firstHeard.get(id) ?? 0);
  }

  /** Whether this node was in the cluster when it heard of the member for the first time, and that is not long ago. */
  isNewcomer(id: NodeId, nowMs: number): boolean {
    return this.#wallClock.at(nowMs) - (this.#firstHeard.get(id) ?? -Infinity) < WITNESS_AFTER_MS;
  }

  /** Since when nothing but its advert is known of the member, core time: since this process started, or since it is a member. */
  knownSinceMs(advert: Advert, nowMs: number): number {
    const startMs = nowMs - this.#wallClock.elapsedMs(nowMs);
    return Math.max(startMs, Math.min(nowMs, nowMs + this.claimsSinceMs(advert) - this.#wallClock.at(nowMs)));
  }

  kept(): readonly (readonly [NodeId, number])[] {
    return [...this.#firstHeard];
  }
}
