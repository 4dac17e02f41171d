/**
 * Budget of the handshakes that members start with this node. So many may be in progress; further initiators are told when to come,
 * one after the other, those for whose peer frames wait before the rest. A herd of any size thus costs a cookie each, and handshakes
 * at a rate that a quarter of a core bears.
 *
 * ```
 *   place free, and nobody waits (or the sender has waited) -> response; the place is free again at the confirmation, or after PLACE_MS
 *   otherwise                                               -> cookie with a wait: the end of the queue, HERD_INTERVAL_MS each
 * ```
 *
 * Half of the places are for those with frames. That frames wait is the word of the initiator: each member is believed a few times.
 * One that did not confirm its last handshake gets a place only while few are taken, so that nobody holds them all by never confirming.
 */
import { BoundedMap } from '../../common/bounded-map.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import {
  FIRST_BURST,
  FIRST_PER_SECOND,
  HERD_INTERVAL_MS,
  MAX_HERD_WAIT_MS,
  MAX_MEMBERS,
  MAX_PLACES,
  MAX_PLACES_PER_ADDRESS,
  MAX_PLACES_OF_UNCONFIRMED,
  PLACE_MS,
  UNCONFIRMED_MS,
} from '../limits.js';
import type { RandomSource } from '../mesh-io.js';
import { RateLimiter } from '../rate-limiter.js';

interface Place {
  readonly id: NodeId;
  readonly ip: IpAddress;
  readonly sinceMs: number;
}

/** An initiation of a member, with a good proof. */
export interface Claim {
  readonly id: NodeId;
  readonly ip: IpAddress;
  readonly framesWait: boolean;
  /** It brings a cookie for its address. */
  readonly hasCookie: boolean;
}

export class HandshakeBudget {
  readonly #random: RandomSource;
  /** By our session index, the oldest first. Bounded by MAX_PLACES. */
  readonly #places = new Map<number, Place>();
  readonly #first = new RateLimiter<NodeId>({ burst: FIRST_BURST, perSecond: FIRST_PER_SECOND, maxKeys: MAX_MEMBERS });
  /** Members that did not confirm a handshake, and until when that counts. Bounded by MAX_MEMBERS. */
  readonly #unconfirmed = new BoundedMap<NodeId, number>(MAX_MEMBERS);
  /** When the last of those that were told to come is due: of those with frames, and of the rest. */
  #framesUntilMs = -Infinity;
  #restUntilMs = -Infinity;

  constructor(random: RandomSource) {
    this.#random = random;
  }

  /** Null when the initiation may be responded to; else how long its sender is to wait, in ms. */
  waitOf({ id, ip, framesWait, hasCookie }: Claim, nowMs: number): number | null {
    this.#expire(nowMs);
    if ((this.#unconfirmed.get(id) ?? nowMs) > nowMs)
      return this.#places.size < MAX_PLACES_OF_UNCONFIRMED && hasCookie ? null : this.#longWait();
    const isCalm = this.#places.size < MAX_PLACES / 2 && this.#restUntilMs <= nowMs && this.#framesUntilMs <= nowMs;
    const isFirst = framesWait && (isCalm || this.#first.take(id, nowMs));
    const isFree =
      this.#places.size < (isFirst ? MAX_PLACES : MAX_PLACES / 2) && this.#countAt(ip) < MAX_PLACES_PER_ADDRESS;
    const untilMs = isFirst ? this.#framesUntilMs : Math.max(this.#framesUntilMs, this.#restUntilMs);
    if (isFree && (hasCookie || untilMs <= nowMs)) return null;
    return this.#waitFrom(isFirst, Math.max(untilMs, nowMs) + HERD_INTERVAL_MS, nowMs);
  }

  /** A response goes out under this index of ours. */
  take(localIndex: number, { id, ip }: Pick<Claim, 'id' | 'ip'>, nowMs: number): void {
    this.#places.set(localIndex, { id, ip, sinceMs: nowMs });
  }

  /** The handshake of this index is over. */
  release(localIndex: number): void {
    this.#places.delete(localIndex);
  }

  #waitFrom(isFirst: boolean, untilMs: number, nowMs: number): number {
    // The queue is as long as it may be: its end is for all that come now.
    if (untilMs - nowMs > MAX_HERD_WAIT_MS) return this.#longWait();
    if (isFirst) this.#framesUntilMs = untilMs;
    else this.#restUntilMs = untilMs;
    return Math.ceil(untilMs - nowMs);
  }

  #longWait(): number {
    return Math.ceil((MAX_HERD_WAIT_MS * (1 + this.#random.fraction())) / 2);
  }

  #countAt(ip: IpAddress): number {
    let count = 0;
    for (const place of this.#places.values()) if (place.ip === ip) count++;
    return count;
  }

  /** An initiator that does not confirm holds its place for a while only. */
  #expire(nowMs: number): void {
    for (const [localIndex, { id, sinceMs }] of this.#places) {
      if (nowMs - sinceMs < PLACE_MS) return;
      this.#places.delete(localIndex);
      this.#unconfirmed.set(id, nowMs + UNCONFIRMED_MS);
    }
  }
}
