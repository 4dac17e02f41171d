/**
 * Gossip of adverts: a new advert is pushed to GOSSIP_FANOUT random linked peers, and each of them pushes it once. Nodes that
 * this misses get it by comparing: every ANTI_ENTROPY_MS a node compares its adverts with those of a random peer.
 *
 * ```
 *   A -> B   hashes: of all buckets of adverts that A knows
 *   B -> A   buckets: ids and revisions that B knows in buckets whose hashes differ
 *   A -> B   adverts: newer than B's or unknown to B;  pull: ids of which B has newer ones
 *   B -> A   adverts: those pulled
 * ```
 * While A knows few adverts it sends a digest, all its ids and revisions, and B answers as A does above.
 */
import type { NodeId } from '../../common/node-id.js';
import { bucketOf, differingBuckets } from './bucket-hashes.js';
import type { Advert } from '../wire/advert.js';
import { encodeControl } from '../wire/control-message.js';
import type { ControlMessage, DigestEntry } from '../wire/control-message.js';
import {
  ANTI_ENTROPY_MS,
  GOSSIP_FANOUT,
  MAX_ADVERTS_PER_MESSAGE,
  MAX_DIGEST_ENTRIES,
  MAX_PENDING_ADVERTS,
  SMALL_DIGEST_ENTRIES,
} from '../limits.js';
import { MAX_CONTROL_BYTES } from '../../common/protocol.js';
import type { Membership } from './membership.js';
import type { RandomSource } from '../mesh-io.js';
import { sample } from './sample.js';

/** Bytes of the message around its adverts, and of the length in front of each advert. */
const FRAMING_BYTES = 16;
const ADVERT_FRAMING_BYTES = 8;
/** Messages in reply to one digest or pull; later digests carry the rest. */
const MAX_ANSWERS = 4;
const LOWEST_ID = '0'.repeat(32) as NodeId;

export interface GossipDeps {
  /** Ids of the peers that control messages reach. */
  linkedPeers(): readonly NodeId[];
  ownAdvert(): Advert;
  /** The own advert, and those of members that have not left. */
  adverts(): Iterable<Advert>;
  send(peer: NodeId, bytes: Uint8Array): void;
  /** A digest was sent: other knowledge goes along. */
  digestSent(peer: NodeId, nowMs: number): void;
}

export class Gossip {
  readonly #members: Membership;
  readonly #deps: GossipDeps;
  readonly #random: RandomSource;
  /** Adverts to push, each with the peer that sent it. Bounded by MAX_PENDING_ADVERTS. */
  #pending: { readonly advert: Advert; readonly from: NodeId | null }[] = [];
  #nextDigestMs: number | null = null;

  constructor(members: Membership, deps: GossipDeps, random: RandomSource) {
    this.#members = members;
    this.#deps = deps;
    this.#random = random;
  }

  /** Queues a new advert for the next {@link advance}, which pushes it to GOSSIP_FANOUT peers. */
  broadcast(advert: Advert, from: NodeId | null): void {
    this.#pending.push({ advert, from });
    if (this.#pending.length > MAX_PENDING_ADVERTS) this.#pending.shift();
  }

  advance(nowMs: number): void {
    if (this.#pending.length > 0) this.#pushPending();
    this.#nextDigestMs ??= nowMs + this.#jittered(ANTI_ENTROPY_MS);
    if (nowMs < this.#nextDigestMs) return;
    this.#nextDigestMs = nowMs + this.#jittered(ANTI_ENTROPY_MS);
    const [peer] = sample(this.#deps.linkedPeers(), 1, this.#random);
    if (peer !== undefined) this.sendDigest(peer, nowMs);
  }

  pollAt(): number | null {
    return this.#nextDigestMs;
  }

  answerDigest(peer: NodeId, { fromId, toId, entries }: Extract<ControlMessage, { type: 'digest' }>): void {
    this.#answer(peer, entries, (id) => id >= fromId && (toId === null || id < toId));
  }

  answerBuckets(peer: NodeId, { buckets, entries }: Extract<ControlMessage, { type: 'buckets' }>): void {
    const wanted = new Set(buckets);
    this.#answer(peer, entries, (id) => wanted.has(bucketOf(id)));
  }

  /** Lists what this node knows in buckets that differ, up to MAX_DIGEST_ENTRIES; later exchanges find the rest. */
  answerHashes(peer: NodeId, theirs: Uint8Array): void {
    const differing = differingBuckets(this.#hashes(), theirs);
    if (differing.length === 0) return;
    const entriesIn = new Map<number, DigestEntry[]>(differing.map((bucket) => [bucket, []]));
    for (const advert of [this.#deps.ownAdvert(), ...this.#members.all()]) {
      entriesIn.get(bucketOf(advert.id))?.push(entryOf(advert));
    }
    const buckets: number[] = [];
    const entries: DigestEntry[] = [];
    for (const bucket of sample(differing, differing.length, this.#random)) {
      const more = entriesIn.get(bucket)!;
      if (entries.length + more.length > MAX_DIGEST_ENTRIES) continue;
      buckets.push(bucket);
      entries.push(...more);
    }
    this.#send(peer, { type: 'buckets', buckets, entries });
  }

  answerPull(peer: NodeId, ids: readonly NodeId[]): void {
    const own = this.#deps.ownAdvert();
    const wanted = ids.map((id) => (id === own.id ? own : this.#members.get(id)));
    this.#sendAdverts(
      peer,
      wanted.filter((advert) => advert !== undefined),
    );
  }

  /** A newer advert under this node's own id is missing too: this node must sign one with a higher revision. */
  #isMissing(id: NodeId, revision: number, own: Advert): boolean {
    return id === own.id ? revision > own.revision : this.#members.isNewer(id, revision);
  }

  #pushPending(): void {
    const pending = this.#pending;
    this.#pending = [];
    const newest = new Map(pending.map((item) => [item.advert.id, item]));
    for (const peer of sample(this.#deps.linkedPeers(), GOSSIP_FANOUT, this.#random)) {
      const fresh = [...newest.values()].filter(({ advert, from }) => from !== peer && advert.id !== peer);
      this.#sendAdverts(
        peer,
        fresh.map(({ advert }) => advert),
        Infinity,
      );
    }
  }

  /** Asks a peer to compare adverts: at once after its link came up, then periodically. */
  sendDigest(peer: NodeId, nowMs: number): void {
    if (this.#members.size >= SMALL_DIGEST_ENTRIES) this.#send(peer, { type: 'hashes', bytes: this.#hashes() });
    else this.#send(peer, { type: 'digest', fromId: LOWEST_ID, toId: null, entries: this.#known().map(entryOf) });
    this.#deps.digestSent(peer, nowMs);
  }

  /**
   * Sends what the peer lacks of a part of all adverts, and pulls what this node lacks.
   * @param entries what the peer knows of it
   */
  #answer(peer: NodeId, entries: readonly DigestEntry[], isInPart: (id: NodeId) => boolean): void {
    const theirs = new Map(entries.map(({ id, revision }) => [id, revision]));
    const inPart = this.#known().filter(({ id }) => isInPart(id));
    const newer = inPart.filter(({ id, revision }) => revision > (theirs.get(id) ?? -1) && id !== peer);
    this.#sendAdverts(peer, newer);
    const own = this.#deps.ownAdvert();
    const missing = entries.filter(({ id, revision }) => this.#isMissing(id, revision, own));
    if (missing.length > 0) this.#send(peer, { type: 'pull', ids: missing.map(({ id }) => id) });
  }

  #hashes(): Uint8Array {
    return this.#members.hashes.with(this.#deps.ownAdvert());
  }

  #sendAdverts(peer: NodeId, adverts: readonly Advert[], maxMessages = MAX_ANSWERS): void {
    for (const batch of batchesOf(adverts).slice(0, maxMessages)) {
      this.#send(peer, { type: 'adverts', adverts: batch.map(({ bytes }) => bytes) });
    }
  }

  #known(): Advert[] {
    return [...this.#deps.adverts()];
  }

  #send(peer: NodeId, message: ControlMessage): void {
    this.#deps.send(peer, encodeControl(message));
  }

  #jittered(ms: number): number {
    return ms * (0.75 + this.#random.fraction() / 2);
  }
}

function entryOf({ id, revision }: Advert): DigestEntry {
  return { id, revision };
}

/** Splits into messages within the bounds of a control message. */
function batchesOf(adverts: readonly Advert[]): Advert[][] {
  const batches: Advert[][] = [];
  let bytes = Infinity;
  for (const advert of adverts) {
    const size = advert.bytes.length + ADVERT_FRAMING_BYTES;
    const last = batches.at(-1);
    if (last === undefined || bytes + size > MAX_CONTROL_BYTES || last.length >= MAX_ADVERTS_PER_MESSAGE) {
      batches.push([advert]);
      bytes = FRAMING_BYTES + size;
    } else {
      last.push(advert);
      bytes += size;
    }
  }
  return batches;
}
