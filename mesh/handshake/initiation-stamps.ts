/**
 * Stamps of initiations, against replay: this node's own counter, and the highest stamp accepted of each peer. Both survive a
 * restart. A stamp is the wall clock in ms or the last stamp plus one, whichever is higher, so a clock that goes back does not
 * make a node's initiations look old.
 */
import { BoundedMap } from '../../common/bounded-map.js';
import type { NodeId } from '../../common/node-id.js';
import { MAX_MEMBERS, STAMP_RESERVE } from '../limits.js';
import type { KeptStamps } from '../mesh-io.js';
import { WallClock } from '../wall-clock.js';

export class InitiationStamps {
  readonly #wallClock: WallClock;
  readonly #changed: () => void;
  #last: number;
  /** By peer. Bounded by MAX_MEMBERS. */
  readonly #accepted = new BoundedMap<NodeId, number>(MAX_MEMBERS);

  /**
   * @param kept what {@link kept} gave before the restart
   * @param wallClockMs wall-clock time at this call
   * @param changed called after a change that {@link kept} shows
   */
  constructor(kept: Omit<KeptStamps, 'firstHeard' | 'revocations'>, wallClockMs: number, changed: () => void) {
    this.#wallClock = new WallClock(wallClockMs);
    this.#changed = changed;
    this.#last = kept.own === 0 ? 0 : kept.own + STAMP_RESERVE;
    for (const [id, stamp] of kept.accepted.slice(0, MAX_MEMBERS)) this.#accepted.set(id, stamp);
  }

  /** The stamp of this node's last initiation. */
  get last(): number {
    return this.#last;
  }

  /** The stamp of a new initiation of this node. */
  next(nowMs: number): number {
    this.#last = Math.max(this.#wallClock.at(nowMs), this.#last + 1);
    this.#changed();
    return this.#last;
  }

  /** Whether a handshake with the peer has ever succeeded. */
  hasMet(id: NodeId): boolean {
    return this.#accepted.has(id);
  }

  /** Whether an initiation of the peer with this stamp may be new. */
  isFresh(id: NodeId, stamp: number): boolean {
    return stamp > (this.#accepted.get(id) ?? 0);
  }

  /** Older initiations of the peer are replays from now on. Only for a stamp that is proven to be the peer's. */
  accept(id: NodeId, stamp: number): void {
    if (!this.isFresh(id, stamp)) return;
    this.#accepted.set(id, stamp);
    this.#changed();
  }

  kept(): Omit<KeptStamps, 'firstHeard' | 'revocations'> {
    return { own: this.#last, accepted: [...this.#accepted] };
  }
}
