/**
 * Set of members: the newest advert of every other node. A forgotten member is learned again only from a newer advert.
 * Not here: reachability (`peer.ts`), how adverts travel (`gossip.ts`).
 */
import { DecodeError } from '../../common/errors.js';
import type { NodeId } from '../../common/node-id.js';
import { readAdvert, verifyAdvert } from '../wire/advert.js';
import type { Advert } from '../wire/advert.js';
import type { DigestEntry } from '../wire/control-message.js';
import { BoundedMap } from '../../common/bounded-map.js';
import { BucketHashes } from './bucket-hashes.js';
import { AdvertMap } from './member-maps.js';
import { MAX_MEMBERS } from '../limits.js';

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

const OLD: LearnResult = { type: 'old' };

export class Membership {
  readonly #ownId: NodeId;
  readonly #isRevoked: (id: NodeId) => boolean;
  /** Bounded by MAX_MEMBERS. */
  readonly #adverts = new AdvertMap();
  /** Adverts that were new. */
  learned = 0;
  /** How often a node has ceased to be a member. */
  forgottenCount = 0;
  /** Revision at which a member was forgotten. Bounded by MAX_MEMBERS. */
  readonly #forgotten = new BoundedMap<NodeId, number>(MAX_MEMBERS);

  /** Of all that are known. */
  readonly hashes = new BucketHashes();

  constructor(ownId: NodeId, isRevoked: (id: NodeId) => boolean = () => false) {
    this.#ownId = ownId;
    this.#isRevoked = isRevoked;
  }

  get size(): number {
    return this.#adverts.size;
  }

  get(id: NodeId): Advert | undefined {
    return this.#adverts.get(id);
  }

  ids(): Iterable<NodeId> {
    return this.#adverts.keys();
  }

  all(): Iterable<Advert> {
    return this.#adverts.values();
  }

  /** The members in one of the buckets whose hashes are compared. */
  inBucket(bucket: number): Iterable<Advert> {
    return this.#adverts.inBucket(bucket);
  }

  /**
   * Reads, verifies and learns an encoded advert from any source; a copy of one that is known is not even read. Never throws.
   * @param admits whether a member that is not known may be learned; asked before the signature is verified
   */
  learnEncoded(bytes: Uint8Array, admits: () => boolean = () => true): LearnResult {
    if (this.#adverts.holds(bytes)) return OLD;
    try {
      const unverified = readAdvert(bytes);
      const { id } = unverified.advert;
      if (id === this.#ownId) {
        const own = verifyAdvert(unverified);
        return own === null ? { type: 'badSignature' } : { type: 'self', advert: own };
      }
      const before = this.#adverts.ofNode(unverified.advert) ?? null;
      if (!this.#isNewerThan(before, unverified.advert)) return OLD;
      if (this.#isRevoked(id)) return { type: 'revoked' };
      if (before === null && !admits()) return { type: 'notAdmitted' };
      const advert = verifyAdvert(unverified);
      return advert === null ? { type: 'badSignature' } : this.#store(advert, before);
    } catch (thrown) {
      if (thrown instanceof DecodeError) return { type: 'invalid' };
      throw thrown;
    }
  }

  /** Learns a verified advert. */
  learn(advert: Advert): LearnResult {
    if (advert.id === this.#ownId) return { type: 'self', advert };
    if (this.#isRevoked(advert.id)) return { type: 'revoked' };
    const before = this.#adverts.ofNode(advert) ?? null;
    return this.#isNewerThan(before, advert) ? this.#store(advert, before) : OLD;
  }

  #store(advert: Advert, before: Advert | null): LearnResult {
    if (before === null && this.size >= MAX_MEMBERS) return { type: 'full' };
    this.learned++;
    if (before !== null) this.hashes.toggle(before);
    this.hashes.toggle(advert);
    this.#adverts.set(advert.id, advert);
    this.#forgotten.delete(advert.id);
    return { type: 'new', advert, before };
  }

  /** Whether an advert of this revision is newer than what is known of the node, a forgotten advert included. */
  isNewer(entry: DigestEntry): boolean {
    return entry.id === this.#ownId || this.#isNewerThan(this.#adverts.ofNode(entry) ?? null, entry);
  }

  #isNewerThan(known: Advert | null, { id, revision }: DigestEntry): boolean {
    return revision > (known?.revision ?? this.#forgotten.get(id) ?? -1);
  }

  /** The node may be learned again from the advert that it has. */
  pardon(id: NodeId): void {
    this.#forgotten.delete(id);
  }

  forget(id: NodeId): void {
    const advert = this.get(id);
    if (advert === undefined) return;
    this.#adverts.delete(id);
    this.forgottenCount++;
    this.hashes.toggle(advert);
    this.#forgotten.set(id, advert.revision);
  }
}
