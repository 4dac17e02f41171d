/**
 * Pairs that this node relays between (ADR 0044): two members that it has direct links to, and a channel for each, swapped by the
 * router. Nothing of what passes is seen here.
 *
 * ```
 *   relayOpen of one end -> room, direct links to both? -> relayOpened, not complete, to the other -> its relayOpen
 *     -> openRelay, relayOpened to both; no second channel in RELAY_PENDING_MS -> dropped
 *   an end closes, a link to one ends, no datagram for long -> closeRelay, relayClosed
 * ```
 */
import type { NodeId } from '../../common/node-id.js';
import type { OpenRelay, RelayChannel } from '../../common/router-port.js';
import { MAX_MEMBERS } from '../limits.js';
import {
  MAX_RELAYED_PAIRS,
  MAX_RELAYED_PAIRS_PER_MEMBER,
  RELAY_BURST,
  RELAY_LINK_BURST,
  RELAY_LINKS_PER_SECOND,
  RELAY_OPEN_BURST,
  RELAY_OPENS_PER_SECOND,
  RELAY_PENDING_MS,
  RELAY_REPEAT_MS,
  RELAY_TELL_BURST,
  RELAY_TELLS_PER_SECOND,
  RELAYS_PER_SECOND,
} from '../relay-limits.js';
import type { MeshEffect } from '../mesh-io.js';
import { isCarrying } from '../peer/link.js';
import type { Peer } from '../peer/peer.js';
import { RateLimiter } from '../rate-limiter.js';
import type { RelayAnswer, RelayEndReason, RelayMessage } from '../wire/relay-messages.js';
import type { Conduct } from './conduct.js';

type MessageOf<Type extends RelayMessage['type']> = Extract<RelayMessage, { type: Type }>;

export interface RelaysDeps {
  readonly peers: ReadonlyMap<NodeId, Peer>;
  readonly conduct: Pick<Conduct, 'refused'>;
  /** Whether the router can relay. */
  isAble(): boolean;
  isMember(id: NodeId): boolean;
  /** Makes a link to a member that has none, or tries to for as long as a search lasts. */
  open(id: NodeId, nowMs: number): void;
  /** A relay that this node uses itself, for this peer or for others; null: none. */
  relayFor(id: NodeId, nowMs: number): NodeId | null;
  /** A link that pairs needed may be closed. */
  schedule(peer: Peer, nowMs: number): void;
  newChannel(): RelayChannel;
  send(to: NodeId, message: RelayMessage): void;
  emit(effect: MeshEffect): void;
}

interface End {
  readonly peer: NodeId;
  readonly receive: RelayChannel;
  /** That the end chose, once it has said it. */
  send: RelayChannel | null;
}

interface Pair {
  readonly ends: readonly [End, End];
  /** The member that asked first: the other end is not to pay for it. */
  readonly opener: NodeId;
  readonly sinceMs: number;
  /** When an end was last told of it. */
  saidMs: number;
}

export class Relays {
  readonly #deps: RelaysDeps;
  /** By both ids. Bounded by MAX_RELAYED_PAIRS. */
  readonly #pairs = new Map<string, Pair>();
  /** Pairs of each member. Bounded as the pairs are. */
  readonly #ofMember = new Map<NodeId, number>();
  /** Pairs that each member asked for. Bounded as the pairs are. */
  readonly #opened = new Map<NodeId, number>();
  readonly #messages = new RateLimiter<NodeId>({
    burst: RELAY_BURST,
    perSecond: RELAYS_PER_SECOND,
    maxKeys: MAX_MEMBERS,
  });

  readonly #opens = new RateLimiter<NodeId>({
    burst: RELAY_OPEN_BURST,
    perSecond: RELAY_OPENS_PER_SECOND,
    maxKeys: MAX_MEMBERS,
  });

  /** Of ends that are told what others asked for. */
  readonly #tells = new RateLimiter<NodeId>({
    burst: RELAY_TELL_BURST,
    perSecond: RELAY_TELLS_PER_SECOND,
    maxKeys: MAX_MEMBERS,
  });

  readonly #links = new RateLimiter<NodeId>({
    burst: RELAY_LINK_BURST,
    perSecond: RELAY_LINKS_PER_SECOND,
    maxKeys: MAX_MEMBERS,
  });

  constructor(deps: RelaysDeps) {
    this.#deps = deps;
  }

  /** Pairs that are relayed between. */
  get count(): number {
    let count = 0;
    for (const pair of this.#pairs.values()) if (isComplete(pair)) count++;
    return count;
  }

  /** Whether a message about relays may be read of this peer now. */
  mayRead(from: NodeId, nowMs: number): boolean {
    const isWithinRate = this.#messages.take(from, nowMs);
    if (!isWithinRate) this.#deps.conduct.refused(from, 'relayTooOften', nowMs);
    return isWithinRate;
  }

  answerQuery(from: Peer, { target, mayLink }: MessageOf<'relayQuery'>, nowMs: number): void {
    const answer = this.#answerTo(from, target, mayLink, nowMs);
    const roundTripMs = answer === 'yes' ? (this.#deps.peers.get(target)?.path.rttMs ?? 0) : 0;
    const via = answer === 'noLink' ? this.#viaFor(from.id, target, nowMs) : null;
    const roundTripUs = Math.round(roundTripMs * 1000);
    this.#deps.send(from.id, { type: 'relayOffer', target, answer, roundTripUs, via });
  }

  /** An end opens its side of a pair, or says it again. */
  open(from: Peer, { target, channel }: MessageOf<'relayOpen'>, nowMs: number): void {
    const known = this.#pairs.get(keyOf(from.id, target));
    const answer = this.#answerTo(from, target, false, nowMs);
    const isRefused = answer !== 'yes' && (known === undefined || answer !== 'noRoom');
    if (isRefused) return this.#refuse(from.id, target, answer === 'noRoom' ? 'noRoom' : 'gone');
    if (known === undefined && !this.#opens.has(from.id, nowMs)) return;
    const pair = known ?? this.#add(from.id, target, nowMs);
    const [near, far] = pair.ends[0].peer === from.id ? pair.ends : ([pair.ends[1], pair.ends[0]] as const);
    const isSame = near.send !== null && isSameChannel(near.send, channel);
    // The other end is told at the rate of an honest node, or it would take this one for the cause.
    if (isSame ? nowMs < pair.saidMs + RELAY_REPEAT_MS : !this.#mayTell(from.id, target, nowMs)) return;
    near.send = channel;
    pair.saidMs = nowMs;
    if (!isComplete(pair)) return this.#sayOpened(far, from.id, false);
    if (!isSame) this.#emitPair(pair);
    this.#sayOpened(near, target, true);
    if (!isSame) this.#sayOpened(far, from.id, true);
  }

  /** Whether the link to this member carries pairs. */
  needs(id: NodeId): boolean {
    return this.#ofMember.has(id);
  }

  /** An end does not need the pair any more. */
  closedByEnd(from: NodeId, { peer, reason }: MessageOf<'relayClosed'>, nowMs: number): void {
    const pair = this.#pairs.get(keyOf(from, peer));
    if (pair === undefined) return;
    this.#remove(pair, nowMs);
    this.#deps.send(peer, { type: 'relayClosed', peer: from, reason });
  }

  /** The router saw no datagram of the pair with this channel for long. */
  idle(channel: number, nowMs: number): void {
    for (const pair of this.#pairs.values()) {
      if (pair.ends.some(({ receive }) => receive.channel === channel)) return this.#close(pair, 'idle', nowMs);
    }
    this.#deps.emit({ type: 'closeRelay', channel });
  }

  /** A link or a path changed: pairs of a member without a direct link end. */
  consider(peer: Peer, nowMs: number): void {
    if (!this.#ofMember.has(peer.id) || (isCarrying(peer.link) && peer.path.relay === null)) return;
    this.forgotten(peer.id, nowMs);
  }

  /** The peer is gone. */
  forgotten(id: NodeId, nowMs: number): void {
    if (!this.#ofMember.has(id)) return;
    for (const pair of this.#pairs.values()) {
      if (pair.ends.some(({ peer }) => peer === id)) this.#close(pair, 'gone', nowMs);
    }
  }

  /** Drops pairs of which one end never answered. */
  expire(nowMs: number): void {
    for (const pair of this.#pairs.values()) {
      if (!isComplete(pair) && nowMs - pair.sinceMs >= RELAY_PENDING_MS) this.#close(pair, 'gone', nowMs);
    }
  }

  /** When {@link expire} has something to do, or null. */
  pollAt(): number | null {
    if (this.#pairs.size === 0) return null;
    for (const pair of this.#pairs.values()) if (!isComplete(pair)) return pair.sinceMs + RELAY_PENDING_MS;
    return null;
  }

  /** What the router held before this process started. */
  adopt(pairs: readonly OpenRelay[], nowMs: number): void {
    for (const { ends, opener: said } of pairs) {
      const { peer: opener } = ends.find(({ peer }) => peer === said) ?? ends[0];
      const isKept = this.#pairs.size < MAX_RELAYED_PAIRS && ends.every(({ peer }) => this.#deps.isMember(peer));
      if (isKept) this.#keep({ ends: [{ ...ends[0] }, { ...ends[1] }], opener, sinceMs: nowMs, saidMs: -Infinity });
    }
    // The router tells of pairs that are not used once they were said again.
    this.restore(pairs);
  }

  /** Another router needs all pairs; the same one may hold some that were closed meanwhile. */
  restore(held: readonly OpenRelay[]): void {
    const channels = new Set(Array.from(this.#pairs.values(), ({ ends }) => ends[0].receive.channel));
    for (const { ends } of held) {
      const isKnown = ends.some(({ receive }) => channels.has(receive.channel));
      if (!isKnown) this.#deps.emit({ type: 'closeRelay', channel: ends[0].receive.channel });
    }
    for (const pair of this.#pairs.values()) if (isComplete(pair)) this.#emitPair(pair);
  }

  #answerTo(from: Peer, target: NodeId, mayLink: boolean, nowMs: number): RelayAnswer {
    const { peers } = this.#deps;
    const isMember = (id: NodeId): boolean => this.#deps.isMember(id);
    if (!this.#deps.isAble() || from.path.relay !== null || !isMember(from.id)) return 'off';
    if (target === from.id || !isMember(target)) return 'noLink';
    if (!this.#hasRoom(from.id)) return 'noRoom';
    const peer = peers.get(target);
    if (peer !== undefined && isDirectlyHeard(peer, nowMs)) return 'yes';
    return mayLink && this.#makesLink(from.id, target, peer, nowMs) ? 'connecting' : 'noLink';
  }

  /** A quiet link is asked whether it lives. */
  #makesLink(from: NodeId, target: NodeId, peer: Peer | undefined, nowMs: number): boolean {
    const { state } = peer?.link ?? { state: 'idle' };
    if (state === 'connecting') return true;
    if (state === 'up' && peer?.path.relay === null) {
      peer.touchIfQuiet(nowMs);
      return true;
    }
    if (state !== 'idle' || !this.#links.take(from, nowMs)) return false;
    this.#deps.open(target, nowMs);
    return true;
  }

  #mayTell(from: NodeId, to: NodeId, nowMs: number): boolean {
    return this.#opens.take(from, nowMs) && this.#tells.take(to, nowMs);
  }

  #hasRoom(member: NodeId): boolean {
    const ofMember = this.#opened.get(member) ?? 0;
    if (ofMember >= MAX_RELAYED_PAIRS_PER_MEMBER) return false;
    return this.#pairs.size < MAX_RELAYED_PAIRS || this.#greediest(ofMember + 1) !== null;
  }

  /** The member that asked for the most pairs, if they are more than so many. */
  #greediest(than: number): NodeId | null {
    let greediest: NodeId | null = null;
    let most = than;
    for (const [member, count] of this.#opened) if (count > most) [greediest, most] = [member, count];
    return greediest;
  }

  /**
   * With all pairs taken, the newest one of the member that asked for the most is closed. Each time the shares are more alike, so
   * honest members do not push each other out in turn.
   */
  #makeRoom(member: NodeId, nowMs: number): void {
    if (this.#pairs.size < MAX_RELAYED_PAIRS) return;
    const from = this.#greediest((this.#opened.get(member) ?? 0) + 1);
    const newest = [...this.#pairs.values()].findLast(({ opener }) => opener === from);
    if (newest !== undefined) this.#close(newest, 'noRoom', nowMs);
  }

  #viaFor(from: NodeId, target: NodeId, nowMs: number): NodeId | null {
    const via = this.#deps.relayFor(target, nowMs);
    return via === from || via === target ? null : via;
  }

  #add(a: NodeId, b: NodeId, nowMs: number): Pair {
    this.#makeRoom(a, nowMs);
    const end = (peer: NodeId): End => ({ peer, receive: this.#deps.newChannel(), send: null });
    return this.#keep({ ends: [end(a), end(b)], opener: a, sinceMs: nowMs, saidMs: -Infinity });
  }

  #keep(pair: Pair): Pair {
    const [a, b] = pair.ends;
    this.#pairs.set(keyOf(a.peer, b.peer), pair);
    for (const { peer } of pair.ends) addTo(this.#ofMember, peer, 1);
    addTo(this.#opened, pair.opener, 1);
    return pair;
  }

  #close(pair: Pair, reason: RelayEndReason, nowMs: number): void {
    this.#remove(pair, nowMs);
    const [a, b] = pair.ends;
    this.#deps.send(a.peer, { type: 'relayClosed', peer: b.peer, reason });
    this.#deps.send(b.peer, { type: 'relayClosed', peer: a.peer, reason });
  }

  #remove(pair: Pair, nowMs: number): void {
    const [a, b] = pair.ends;
    if (!this.#pairs.delete(keyOf(a.peer, b.peer))) return;
    addTo(this.#opened, pair.opener, -1);
    for (const { peer } of pair.ends) {
      addTo(this.#ofMember, peer, -1);
      const end = this.#deps.peers.get(peer);
      if (end !== undefined && !this.needs(peer)) this.#deps.schedule(end, nowMs);
    }
    if (isComplete(pair)) this.#deps.emit({ type: 'closeRelay', channel: a.receive.channel });
  }

  #emitPair({ ends, opener }: Pair): void {
    const [a, b] = ends;
    if (a.send === null || b.send === null) return;
    this.#deps.emit({
      type: 'openRelay',
      ends: [
        { ...a, send: a.send },
        { ...b, send: b.send },
      ],
      opener,
    });
  }

  #sayOpened(end: End, peer: NodeId, isComplete: boolean): void {
    this.#deps.send(end.peer, { type: 'relayOpened', peer, channel: end.receive, isComplete });
  }

  #refuse(to: NodeId, peer: NodeId, reason: RelayEndReason): void {
    this.#deps.send(to, { type: 'relayClosed', peer, reason });
  }
}

/** Whether there is a direct link over which the peer was heard lately. */
export function isDirectlyHeard(peer: Peer, nowMs: number): boolean {
  return peer.isLinked && peer.path.relay === null && peer.isHeard(nowMs);
}

function addTo(counts: Map<NodeId, number>, id: NodeId, count: number): void {
  const sum = (counts.get(id) ?? 0) + count;
  if (sum === 0) counts.delete(id);
  else counts.set(id, sum);
}

function isComplete({ ends }: Pair): boolean {
  return ends[0].send !== null && ends[1].send !== null;
}

function isSameChannel(a: RelayChannel, b: RelayChannel): boolean {
  return a.channel === b.channel && Buffer.compare(a.token, b.token) === 0;
}

function keyOf(a: NodeId, b: NodeId): string {
  return a < b ? a + b : b + a;
}
