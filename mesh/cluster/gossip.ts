/**
 * Gossip of adverts: a new advert is pushed to GOSSIP_FANOUT random linked peers, and each of them pushes it once. Those that come
 * within PUSH_INTERVAL_MS of the last push wait for the next one: when all nodes start at once, adverts travel in batches, and of
 * one node only the newest. Nodes that this misses get it by comparing: every ANTI_ENTROPY_MS a node compares its adverts with those
 * of a random peer, and sooner when many that were new have come and no more do (`catching-up.ts`).
 *
 * ```
 *   A -> B   hashes: of all buckets of adverts that A knows
 *   B -> A   buckets: ids and revisions that B knows in buckets whose hashes differ
 *   A -> B   adverts: newer than B's or unknown to B;  pull: ids of which B has newer ones
 *   B -> A   adverts: those pulled
 * ```
 * While A knows few adverts it sends a digest, all its ids and revisions, and B answers as A does above.
 */
import { BoundedMap } from '../../common/bounded-map.js';
import type { NodeId } from '../../common/node-id.js';
import { bucketOf, differingBuckets } from './bucket-hashes.js';
import { CatchingUp } from './catching-up.js';
import { earlier } from '../deadlines.js';
import type { Advert } from '../wire/advert.js';
import { encodeControl } from '../wire/control-message.js';
import type { ControlMessage, DigestEntry } from '../wire/control-message.js';
import {
  ANTI_ENTROPY_MS,
  COMPARE_LINKED_MS,
  FEW_ADVERTS,
  GOSSIP_FANOUT,
  GOSSIP_FANOUT_OF_MANY,
  MAX_ADVERTS_PER_MESSAGE,
  MAX_DIGEST_ENTRIES,
  MAX_PENDING_ADVERTS,
  PUSH_INTERVAL_MS,
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
  /** Whether the member said goodbye. */
  hasLeft(id: NodeId): boolean;
  /** A digest was sent: other knowledge goes along. */
  digestSent(peer: NodeId, nowMs: number): void;
}

export class Gossip {
  readonly #members: Membership;
  readonly #deps: GossipDeps;
  readonly #random: RandomSource;
  /** Adverts to push, the newest of each node, with the peer that sent it. Bounded by MAX_PENDING_ADVERTS. */
  #pending = new BoundedMap<NodeId, { readonly advert: Advert; readonly from: NodeId | null }>(MAX_PENDING_ADVERTS);
  #nextPushMs = -Infinity;
  #nextDigestMs: number | null = null;
  readonly #catchingUp = new CatchingUp();
  #comparedMs = -Infinity;

  constructor(members: Membership, deps: GossipDeps, random: RandomSource) {
    this.#members = members;
    this.#deps = deps;
    this.#random = random;
  }

  /** Queues a new advert for the next push. */
  broadcast(advert: Advert, from: NodeId | null): void {
    this.#pending.set(advert.id, { advert, from });
    this.#catchingUp.noteNew();
  }

  advance(nowMs: number): void {
    if (this.#pending.size > 0 && nowMs >= this.#nextPushMs) this.#pushPending(nowMs);
    this.#catchingUp.advance(nowMs);
    this.#nextDigestMs ??= nowMs + this.#jittered(ANTI_ENTROPY_MS);
    if (nowMs < this.#digestDueMs) return;
    this.#nextDigestMs = nowMs + this.#jittered(ANTI_ENTROPY_MS);
    this.#catchingUp.compared(nowMs);
    const [peer] = sample(this.#deps.linkedPeers(), 1, this.#random);
    if (peer !== undefined) this.sendDigest(peer, nowMs);
  }

  pollAt(): number | null {
    return earlier(this.#pending.size === 0 ? null : this.#nextPushMs, this.#digestDueMs);
  }

  get #digestDueMs(): number {
    return Math.min(this.#nextDigestMs ?? Infinity, this.#catchingUp.dueMs);
  }

  answerDigest(peer: NodeId, { fromId, toId, entries }: Extract<ControlMessage, { type: 'digest' }>): void {
    const isInRange = ({ id }: Advert): boolean => id >= fromId && (toId === null || id < toId);
    this.#answer(peer, entries, [...this.#deps.adverts()].filter(isInRange));
  }

  answerBuckets(peer: NodeId, { buckets, entries }: Extract<ControlMessage, { type: 'buckets' }>): void {
    const inBuckets = buckets.flatMap((bucket) => this.#inBucket(bucket));
    this.#answer(
      peer,
      entries,
      inBuckets.filter(({ id }) => !this.#deps.hasLeft(id)),
    );
  }

  /** Lists what this node knows in buckets that differ, up to MAX_DIGEST_ENTRIES; later exchanges find the rest. */
  answerHashes(peer: NodeId, theirs: Uint8Array): void {
    const differing = differingBuckets(this.#hashes(), theirs);
    if (differing.length === 0) return;
    const buckets: number[] = [];
    const entries: DigestEntry[] = [];
    for (const bucket of sample(differing, differing.length, this.#random)) {
      const more = this.#inBucket(bucket);
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
  #isMissing(entry: DigestEntry, own: Advert): boolean {
    return entry.id === own.id ? entry.revision > own.revision : this.#members.isNewer(entry);
  }

  /** One encoding for all receivers; a batch from several peers goes to these too. */
  #pushPending(nowMs: number): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    this.#nextPushMs = nowMs + PUSH_INTERVAL_MS;
    const [sender = null, ...others] = new Set(pending.map(({ from }) => from));
    const receivers = this.#deps.linkedPeers().filter((peer) => others.length > 0 || peer !== sender);
    const messages = encodeAdverts(pending.map(({ advert }) => advert));
    const fanout = pending.length > FEW_ADVERTS ? GOSSIP_FANOUT_OF_MANY : GOSSIP_FANOUT;
    for (const peer of sample(receivers, fanout, this.#random)) {
      for (const bytes of messages) this.#deps.send(peer, bytes);
    }
  }

  /**
   * Compares adverts with a peer whose link came up. Not when it was done with another one just before: many links come up when
   * many nodes start, and a node with few members lacks nearly all. The next digest then comes soon.
   */
  linkedWith(peer: NodeId, nowMs: number): void {
    const isEnough = this.#members.size >= SMALL_DIGEST_ENTRIES && nowMs - this.#comparedMs < COMPARE_LINKED_MS;
    if (!isEnough) return this.sendDigest(peer, nowMs);
    this.#nextDigestMs = Math.min(this.#nextDigestMs ?? Infinity, this.#comparedMs + COMPARE_LINKED_MS);
  }

  /** Asks a peer to compare adverts. */
  sendDigest(peer: NodeId, nowMs: number): void {
    this.#comparedMs = nowMs;
    if (this.#members.size >= SMALL_DIGEST_ENTRIES) this.#send(peer, { type: 'hashes', bytes: this.#hashes() });
    else this.#send(peer, { type: 'digest', fromId: LOWEST_ID, toId: null, entries: this.#known() });
    this.#deps.digestSent(peer, nowMs);
  }

  /**
   * Sends what the peer lacks of a part of all adverts, and pulls what this node lacks.
   * @param entries what the peer knows of it
   * @param inPart what this node knows of it
   */
  #answer(peer: NodeId, entries: readonly DigestEntry[], inPart: readonly Advert[]): void {
    const theirs = new Map<NodeId, number>();
    for (const { id, revision } of entries) theirs.set(id, revision);
    const newer = inPart.filter(({ id, revision }) => revision > (theirs.get(id) ?? -1) && id !== peer);
    this.#sendAdverts(peer, newer);
    const own = this.#deps.ownAdvert();
    const missing = entries.filter((entry) => this.#isMissing(entry, own));
    if (missing.length === 0) return;
    this.#catchingUp.noteLacking();
    this.#send(peer, { type: 'pull', ids: missing.map(({ id }) => id) });
  }

  #hashes(): Uint8Array {
    return this.#members.hashes.with(this.#deps.ownAdvert());
  }

  #inBucket(bucket: number): Advert[] {
    const own = this.#deps.ownAdvert();
    return [...(bucketOf(own.id) === bucket ? [own] : []), ...this.#members.inBucket(bucket)];
  }

  #sendAdverts(peer: NodeId, adverts: readonly Advert[]): void {
    for (const bytes of encodeAdverts(adverts, MAX_ANSWERS)) this.#deps.send(peer, bytes);
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

/** Messages with the adverts. */
function encodeAdverts(adverts: readonly Advert[], maxMessages = Infinity): Uint8Array[] {
  const batches = batchesOf(adverts).slice(0, maxMessages);
  return batches.map((batch) => encodeControl({ type: 'adverts', adverts: batch.map(({ bytes }) => bytes) }));
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
