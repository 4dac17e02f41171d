/**
 * Set of members: the newest advert of every other node. A forgotten member is learned again only from a newer advert.
 * Not here: reachability (`peer.ts`), how adverts travel (`gossip.ts`).
 */
import { DecodeError } from '../../common/errors.js';
import type { NodeId } from '../../common/node-id.js';
import { readAdvert, verifyAdvert } from '../wire/advert.js';
import type { Advert } from '../wire/advert.js';
import { BoundedMap } from '../../common/bounded-map.js';
import { BucketHashes, bucketOf } from './bucket-hashes.js';
import { BUCKETS, MAX_MEMBERS } from '../limits.js';

export type LearnResult =
  | { readonly type: 'new'; readonly advert: Advert; readonly before: Advert | null }
  /** An advert under this node's id: its own, or one that an earlier process or a clone signed. */
  | { readonly type: 'self'; readonly advert: Advert }
  | { readonly type: 'old' }
  /** It does not decode: it is damaged, or of a later version. */
  | { readonly type: 'invalid' }
  | { readonly type: 'badSignature' }
  /** The node is no longer a member, by a decision of an operator. */
  | { readonly type: 'revoked' }
  | { readonly type: 'full' }
  /** A new member that the caller does not admit. */
  | { readonly type: 'notAdmitted' };

export class Membership {
  readonly #ownId: NodeId;
  readonly #isRevoked: (id: NodeId) => boolean;
  /** By bucket, so that one is listed without a look at the others. Bounded by MAX_MEMBERS in all. */
  readonly #buckets = Array.from({ length: BUCKETS }, () => new Map<NodeId, Advert>());
  #size = 0;
  /** Adverts that were new. */
  learned = 0;
  /** Revision at which a member was forgotten. Bounded by MAX_MEMBERS. */
  readonly #forgotten = new BoundedMap<NodeId, number>(MAX_MEMBERS);

  /** Of all that are known. */
  readonly hashes = new BucketHashes();

  constructor(ownId: NodeId, isRevoked: (id: NodeId) => boolean = () => false) {
    this.#ownId = ownId;
    this.#isRevoked = isRevoked;
  }

  get size(): number {
    return this.#size;
  }

  get(id: NodeId): Advert | undefined {
    return this.#bucketOf(id).get(id);
  }

  *ids(): Generator<NodeId> {
    for (const bucket of this.#buckets) yield* bucket.keys();
  }

  *all(): Generator<Advert> {
    for (const bucket of this.#buckets) yield* bucket.values();
  }

  /** The members in one of the buckets whose hashes are compared. */
  inBucket(bucket: number): Iterable<Advert> {
    return this.#buckets[bucket]!.values();
  }

  /**
   * Reads, verifies and learns an encoded advert from any source. Never throws.
   * @param admits whether a member that is not known may be learned; asked before the signature is verified
   */
  learnEncoded(bytes: Uint8Array, admits: () => boolean = () => true): LearnResult {
    try {
      const unverified = readAdvert(bytes);
      if (!this.isNewer(unverified.advert.id, unverified.advert.revision)) return { type: 'old' };
      const { id } = unverified.advert;
      if (id !== this.#ownId && this.#isRevoked(id)) return { type: 'revoked' };
      if (id !== this.#ownId && this.get(id) === undefined && !admits()) return { type: 'notAdmitted' };
      const advert = verifyAdvert(unverified);
      return advert === null ? { type: 'badSignature' } : this.learn(advert);
    } catch (thrown) {
      if (thrown instanceof DecodeError) return { type: 'invalid' };
      throw thrown;
    }
  }

  /** Learns a verified advert. */
  learn(advert: Advert): LearnResult {
    if (advert.id === this.#ownId) return { type: 'self', advert };
    if (this.#isRevoked(advert.id)) return { type: 'revoked' };
    if (!this.isNewer(advert.id, advert.revision)) return { type: 'old' };
    const before = this.get(advert.id) ?? null;
    if (before === null && this.#size >= MAX_MEMBERS) return { type: 'full' };
    this.learned++;
    if (before !== null) this.hashes.toggle(before);
    this.hashes.toggle(advert);
    this.#bucketOf(advert.id).set(advert.id, advert);
    if (before === null) this.#size++;
    this.#forgotten.delete(advert.id);
    return { type: 'new', advert, before };
  }

  /** Whether an advert of this revision is newer than what is known of the node, a forgotten advert included. */
  isNewer(id: NodeId, revision: number): boolean {
    const known = this.get(id)?.revision ?? this.#forgotten.get(id) ?? -1;
    return id === this.#ownId || revision > known;
  }

  /** The node may be learned again from the advert that it has. */
  pardon(id: NodeId): void {
    this.#forgotten.delete(id);
  }

  forget(id: NodeId): void {
    const advert = this.get(id);
    if (advert === undefined) return;
    this.#bucketOf(id).delete(id);
    this.#size--;
    this.hashes.toggle(advert);
    this.#forgotten.set(id, advert.revision);
  }

  #bucketOf(id: NodeId): Map<NodeId, Advert> {
    return this.#buckets[bucketOf(id)]!;
  }
}
