/**
 * Relays to one peer, as an end of the pair sees them (ADR 0044): the search for one, the channels that are open, the one in use, and
 * the way back to the direct path. Which way this node sends is in `peer-path.ts`; it changes here, and when a handshake has come
 * through a channel.
 *
 * ```
 *             needed            offers          answer to a probe, or a handshake, in the channel
 *    direct ----------> search --------> channel -------------------------------------------------> relayed
 *      ^                   |  ^                                                                        |
 *      |   none: again later  +------------ no answers through it, closed, relay gone -----------------+
 *      +------------------------------ three direct probes answered -----------------------------------+
 * ```
 *
 * The other end is told which way is used: where one direction works, it hears this node and would not look for a relay. While the
 * relay works, others are compared with it (`relay-move.ts`).
 */
import type { SocketAddress } from '../../common/address/socket-address.js';
import type { NodeId } from '../../common/node-id.js';
import type { OpenChannel, RelayChannel, RelayRoute } from '../../common/router-port.js';
import { Deadline } from '../deadlines.js';
import { LIVENESS_PROBE_BYTES } from '../limits.js';
import {
  CHANNEL_UNUSED_MS,
  MAX_CHANNELS_PER_PEER,
  MAX_RELAYS_ASKED,
  RELAY_CLOSED_MS,
  RELAY_DOUBT_AFTER_MS,
  RELAY_LINGER_MS,
  RELAY_LOST_AFTER_MS,
  RELAY_MOVED_LINGER_MS,
  RELAY_REPEAT_MS,
  RELAY_SAY_AGAIN_MS,
  RELAY_YIELD_MS,
} from '../relay-limits.js';
import type { MeshEffect, RandomSource } from '../mesh-io.js';
import { encodeControl } from '../wire/control-message.js';
import type { RelayEndReason, RelayMessage, RelayOffer } from '../wire/relay-messages.js';
import { DirectReturn } from './direct-return.js';
import { FailedRelays } from './failed-relays.js';
import { heldChannel, openChannelOf } from './held-channel.js';
import type { HeldChannel } from './held-channel.js';
import type { Peer } from './peer.js';
import { mayLinkFor, noted, relaySearch, relayStep } from './relay-choice.js';
import type { RelayCandidate, RelaySearch } from './relay-choice.js';
import { RelayMove } from './relay-move.js';
import { relayNeededAtMs } from './relay-need.js';
import { RelayNews } from './relay-news.js';
import { SearchTimes } from './search-times.js';

export interface RelayedPathDeps {
  readonly ownId: NodeId;
  readonly random: RandomSource;
  /** Whether a search for a relay to the peer may begin now. @param isTurn false: only if it need not wait for others */
  maySearch(peer: Peer, isTurn: boolean, nowMs: number): boolean;
  /** Members with a direct link over which they are heard. */
  candidates(nowMs: number): RelayCandidate[];
  /** Whether one more channel may be open through this relay. @param isOurs asked for by this node */
  hasRoom(relay: NodeId, isOurs: boolean): boolean;
  /** Another member reaches peers through this relay: a link to it is made if there is none. False when it may not be. */
  named(relay: NodeId, nowMs: number): boolean;
  /** The path goes through another relay than before, or through none; one of both is not null. */
  relayTaken(relay: NodeId | null, before: NodeId | null, nowMs: number): void;
  newChannel(): RelayChannel;
  nextProbeId(): number;
  send(to: NodeId, message: RelayMessage): void;
  emit(effect: MeshEffect): void;
}

export class RelayedPath {
  readonly peer: NodeId;
  readonly deadline = new Deadline<RelayedPath>(this);
  readonly #deps: RelayedPathDeps;
  /** By relay. Bounded by MAX_CHANNELS_PER_PEER. */
  readonly #channels = new Map<NodeId, HeldChannel>();
  readonly #failed = new FailedRelays();
  #search: RelaySearch | null = null;
  readonly #searchTimes = new SearchTimes();
  /** The relay in use. */
  #current: NodeId | null = null;
  /** When a probe was last answered through it. */
  #answeredMs = 0;
  #doubtedMs = -Infinity;
  /** There is no way that works, whatever is heard. */
  #isLost = false;
  #return: DirectReturn | null = null;
  #move: RelayMove | null = null;
  readonly #news = new RelayNews();
  #wakeAtMs = Infinity;

  constructor(deps: RelayedPathDeps, peer: NodeId) {
    this.#deps = deps;
    this.peer = peer;
  }

  /** When {@link advance} has something to do next, as of its last call. */
  get wakeAtMs(): number {
    return this.#wakeAtMs;
  }

  /** Relays with a channel. */
  get relays(): Iterable<NodeId> {
    return this.#channels.keys();
  }

  get hasChannel(): boolean {
    return this.#channels.size > 0;
  }

  /** Whether nothing is to be remembered of the peer. */
  isOver(peer: Peer | undefined, nowMs: number): boolean {
    const isNeeded = peer !== undefined && relayNeededAtMs(peer, false, nowMs) !== Infinity;
    return (
      !isNeeded && this.#channels.size === 0 && this.#search === null && !this.#isLost && this.#news.nextMs === Infinity
    );
  }

  /** The relay in use, or null. */
  get relay(): NodeId | null {
    return this.#current;
  }

  /** Relays of channels that others asked for and that are not in use. */
  unusedOfOthers(): NodeId[] {
    const held = [...this.#channels.values()];
    return held.flatMap(({ relay, isOurs }) => (isOurs || relay === this.#current ? [] : [relay]));
  }

  /** Ways to the peer in which a handshake may be tried, by our channel; the one in use first. */
  openChannels(): number[] {
    const open = [...this.#channels.values()].filter(({ send }) => send !== null);
    open.sort((a, b) => Number(b.relay === this.#current) - Number(a.relay === this.#current));
    return open.map(({ receive }) => receive.channel);
  }

  /** The way through one of our channels, or null. */
  routeOf(channel: number): RelayRoute | null {
    const held = this.#heldAt(channel);
    return held?.send === undefined || held.send === null ? null : { peer: held.relay, channel: held.send };
  }

  /** The way through the channel that this address stands for, or null. */
  routeAt({ ip }: SocketAddress): RelayRoute | null {
    for (const held of this.#channels.values()) if (held.ip === ip) return this.routeOf(held.receive.channel);
    return null;
  }

  /** What is to be open in the router. */
  channels(): OpenChannel[] {
    return Array.from(this.#channels.values(), (held) => openChannelOf(held, this.peer));
  }

  /** A channel from before this process started. */
  adopt({ channel, relay, send = null }: OpenChannel, nowMs: number): void {
    this.#hold(relay, channel, false, nowMs).send = send;
  }

  /** Does what is due. */
  advance(peer: Peer | undefined, nowMs: number): void {
    this.#wakeAtMs = Infinity;
    if (peer !== undefined) {
      this.#follow(peer, nowMs);
      this.#advanceSearch(peer, nowMs);
      this.#watchRelay(peer, nowMs);
      this.#compareRelays(peer, nowMs);
      this.#say(peer, nowMs);
    }
    for (const held of this.#channels.values()) this.#advanceChannel(held, peer, nowMs);
  }

  /** A member answered whether it relays. @param ownRttMs between this node and it */
  offered(relay: NodeId, { answer, roundTripUs, via }: RelayOffer, ownRttMs: number, nowMs: number): void {
    const search = this.#search;
    const sumMs = ownRttMs + roundTripUs / 1000;
    if (search === null && answer === 'yes') this.#move?.offered(relay, sumMs);
    if (search?.asked.get(relay)?.state !== 'asked') return;
    if (answer === 'yes') this.#search = noted(search, [relay], { state: 'offers', sumMs });
    else if (answer === 'connecting') this.#search = noted(search, [relay], { state: 'connecting', atMs: nowMs });
    else this.#search = noted(search, [relay], { state: answer === 'noLink' ? 'hasNone' : 'refuses' });
    if (answer === 'noLink' && via !== null) this.#noteNamed(this.#search, via, nowMs);
  }

  /** It is asked once there is a link to it. */
  #noteNamed(search: RelaySearch, relay: NodeId, nowMs: number): void {
    const isAsked = search.asked.has(relay) || search.asked.size >= MAX_RELAYS_ASKED;
    if (relay === this.peer || isAsked || this.#failed.has(relay, nowMs) || !this.#deps.named(relay, nowMs)) return;
    this.#search = noted(search, [relay], { state: 'connecting', atMs: nowMs });
  }

  /** A relay has opened its side, because this node asked or the other end did. */
  opened(relay: NodeId, channel: RelayChannel, isComplete: boolean, peer: Peer | undefined, nowMs: number): void {
    const known = this.#channels.get(relay);
    if (known === undefined && (isComplete || !this.#hasRoom(relay, false))) {
      return this.#deps.send(relay, { type: 'relayClosed', peer: this.peer, reason: isComplete ? 'gone' : 'noRoom' });
    }
    const held = known ?? this.#hold(relay, this.#deps.newChannel(), false, nowMs);
    held.send = channel;
    held.triedMs = -Infinity;
    this.#deps.emit({ type: 'openChannel', ...openChannelOf(held, this.peer) });
    if (relay === this.#current) peer?.path.useRelay({ peer: relay, channel }, nowMs);
    else if (!held.isOurs) held.leaveAtMs = nowMs + CHANNEL_UNUSED_MS;
    if (!isComplete) this.#askToOpen(held);
  }

  /** A relay has closed the channel, or the link to the relay is gone. Whether there was a channel. */
  closed(relay: NodeId, reason: RelayEndReason, peer: Peer | undefined, nowMs: number): boolean {
    if (this.#search !== null) this.#search = noted(this.#search, [relay], { state: 'refuses' });
    const held = this.#channels.get(relay);
    if (held === undefined) return false;
    this.#release(held);
    if (this.#current !== relay || peer === undefined) return true;
    this.#take(null, peer, nowMs);
    // The peer says itself that it sends directly. A relay that closes again and again shall not be the first one every time.
    this.#isLost = reason !== 'idle';
    if (this.#isLost) this.#failed.avoid(relay, RELAY_CLOSED_MS, nowMs);
    this.#searchTimes.begin(nowMs);
    if (reason === 'idle') peer.closeIfQuiet(nowMs);
    peer.probeIfLinked(nowMs);
    return true;
  }

  /** The peer sends to this node through the relay, or directly again. */
  usedByPeer(relay: NodeId | null, peer: Peer, nowMs: number): void {
    if (relay === null) {
      if (this.#current === null) return;
      peer.path.followDirectly(nowMs);
      this.#take(null, peer, nowMs);
    } else if (this.#channels.get(relay)?.send && (this.#current === null || peer.id < this.#deps.ownId)) {
      this.#take(relay, peer, nowMs);
    }
  }

  /** A probe was answered, in a channel or directly. Whether it shows what the path in use is like. */
  probeAnswered(channel: number | null, roundTripMs: number, peer: Peer, nowMs: number): boolean {
    if (channel === null) return this.#answeredDirectly(peer, nowMs);
    const held = this.#heldAt(channel);
    if (held?.send === undefined || held.send === null) return false;
    if (held.relay !== this.#current && this.#isSeeking) {
      peer.path.useRelay(this.routeOf(channel), nowMs);
      this.#follow(peer, nowMs);
    }
    if (held.relay !== this.#current) {
      this.#move?.answered(held.relay, roundTripMs, peer.path.rttMs);
      return false;
    }
    this.#answeredMs = nowMs;
    this.#isLost = false;
    return true;
  }

  /** Why the path is what it is, in words; null while it is direct. */
  reason(): string | null {
    if (this.#current === null) return null;
    const { intervalMs } = this.#return ?? new DirectReturn(0);
    return `no answer without a relay; probed directly every ${intervalMs / 1000} s`;
  }

  /** Whether another way is looked for, or will be at once. */
  get #isSeeking(): boolean {
    return this.#search !== null || this.#isLost;
  }

  #answeredDirectly(peer: Peer, nowMs: number): boolean {
    if (this.#current === null) {
      this.#isLost = false;
      return true;
    }
    if (this.#return?.answered(this.#isSeeking, nowMs) !== true) return false;
    peer.path.useRelay(null, nowMs);
    this.#follow(peer, nowMs);
    return true;
  }

  /** The path was changed, here or by a handshake: tells the other end. */
  #follow(peer: Peer, nowMs: number): void {
    const { relay } = peer.path;
    if (relay === this.#current) return;
    const before = this.#current;
    this.#take(relay, peer, nowMs);
    if (before !== null && peer.link.state === 'down') this.#failed.add(before, nowMs);
    // A link that ended needs no relay, until it is made again.
    if (peer.isLinked) this.#news.begin(nowMs);
    else this.#news.end();
  }

  #take(relay: NodeId | null, peer: Peer, nowMs: number): void {
    const left = this.#current;
    const before = left === null ? undefined : this.#channels.get(left);
    if (before !== undefined && before.relay !== relay) {
      before.leaveAtMs = nowMs + (relay === null ? RELAY_LINGER_MS : RELAY_MOVED_LINGER_MS);
    }
    const held = relay === null ? undefined : this.#channels.get(relay);
    if (held !== undefined) Object.assign(held, { leaveAtMs: Infinity, wasUsed: true });
    peer.path.useRelay(held?.send ? { peer: held.relay, channel: held.send } : null, nowMs);
    this.#current = relay;
    this.#return = relay === null ? null : new DirectReturn(nowMs);
    this.#move = relay === null ? null : (this.#move ?? new RelayMove(this.#deps.random, nowMs));
    this.#answeredMs = nowMs;
    this.#isLost = false;
    this.#search = null;
    this.#news.end();
    if (left !== relay) this.#deps.relayTaken(relay, left, nowMs);
  }

  #advanceSearch(peer: Peer, nowMs: number): void {
    const neededAtMs = this.#neededAtMs(peer, nowMs);
    if (neededAtMs === Infinity) {
      this.#search = null;
      return this.#searchTimes.reset();
    }
    const beginMs = Math.max(neededAtMs, this.#searchTimes.nextMs);
    if (this.#search === null) {
      if (nowMs < beginMs) return this.#wake(beginMs);
      const times = this.#searchTimes;
      const mayBegin = this.#deps.maySearch(peer, times.isTurn(nowMs), nowMs);
      if (!mayBegin) return this.#wake(times.putOff(this.#deps.random.fraction(), nowMs));
      if (this.#current !== null) this.#failed.add(this.#current, nowMs);
      this.#search = relaySearch(nowMs);
    }
    this.#stepSearch(this.#search, peer, nowMs);
  }

  #stepSearch(search: RelaySearch, peer: Peer, nowMs: number): void {
    const candidates = this.#candidates(nowMs);
    const step = relayStep(search, candidates, nowMs);
    switch (step.type) {
      case 'wait':
        return this.#wake(step.untilMs);
      case 'ask': {
        const mayLink = mayLinkFor(search, peer, nowMs);
        const known = new Set(candidates.flatMap(({ id, isKnown }) => (isKnown ? [id] : [])));
        for (const relay of step.relays) {
          const message = { type: 'relayQuery', target: this.peer, mayLink: mayLink || known.has(relay) } as const;
          this.#deps.send(relay, message);
        }
        this.#search = noted(search, step.relays, { state: 'asked', atMs: nowMs });
        if (step.isAgain) this.#search = { ...this.#search, again: search.again + 1 };
        return this.#stepSearch(this.#search, peer, nowMs);
      }
      case 'try':
        this.#search = noted(search, [step.relay], this.#tried(step.relay, nowMs));
        return this.#stepSearch(this.#search, peer, nowMs);
      case 'giveUp':
        return this.#giveUp(nowMs);
    }
  }

  #tried(relay: NodeId, nowMs: number): { state: 'tried'; atMs: number } | { state: 'refuses' } {
    const known = this.#channels.get(relay);
    if (known === undefined) this.#makeRoom();
    if (known === undefined && !this.#hasRoom(relay, true)) return { state: 'refuses' };
    const held = known ?? this.#hold(relay, this.#deps.newChannel(), true, nowMs);
    if (known === undefined) this.#deps.emit({ type: 'openChannel', ...openChannelOf(held, this.peer) });
    // Also when it is open: the relay may have closed it, and the message that said so was lost.
    this.#askToOpen(held);
    if (held.send === null) held.triedMs = nowMs;
    return { state: 'tried', atMs: nowMs };
  }

  /** Those that others asked for, and of which nothing came, shall not be in the way. */
  #makeRoom(): void {
    if (this.#channels.size < MAX_CHANNELS_PER_PEER) return;
    for (const held of this.#channels.values()) {
      const isTried = this.#search?.asked.get(held.relay)?.state === 'tried';
      if (!held.isOurs && !isTried && held.relay !== this.#current) return this.#leave(held, undefined);
    }
  }

  #giveUp(nowMs: number): void {
    for (const [relay, { state }] of this.#search?.asked ?? []) if (state === 'tried') this.#failed.add(relay, nowMs);
    this.#search = null;
    this.#searchTimes.failed(nowMs);
    this.#wake(this.#searchTimes.nextMs);
  }

  #neededAtMs(peer: Peer, nowMs: number): number {
    if (this.#isLost) return nowMs;
    const neededAtMs = relayNeededAtMs(peer, this.#current !== null, nowMs);
    return peer.id < this.#deps.ownId ? neededAtMs + RELAY_YIELD_MS : neededAtMs;
  }

  /** Whether the relay in use answers, and whether the direct path is back. */
  #watchRelay(peer: Peer, nowMs: number): void {
    const held = this.#current === null ? undefined : this.#channels.get(this.#current);
    if (held === undefined || this.#return === null || !peer.isLinked || peer.isQuiet(nowMs)) {
      this.#answeredMs = nowMs;
      return;
    }
    if (this.#return.probes(this.#isSeeking, nowMs)) this.#probe({ direct: true });
    this.#wake(this.#return.nextMs);
    const lostAtMs = this.#isLost ? Infinity : this.#answeredMs + RELAY_LOST_AFTER_MS;
    const doubtAtMs = Math.max(this.#answeredMs + RELAY_DOUBT_AFTER_MS, this.#doubtedMs + RELAY_SAY_AGAIN_MS);
    if (nowMs >= lostAtMs) {
      this.#isLost = true;
      return this.#advanceSearch(peer, nowMs);
    }
    if (nowMs >= doubtAtMs) {
      this.#doubtedMs = nowMs;
      this.#probe({ channel: held.receive.channel });
    }
    this.#wake(nowMs >= doubtAtMs ? nowMs + RELAY_SAY_AGAIN_MS : Math.min(doubtAtMs, lostAtMs));
  }

  /** Whether another relay is better by a third. Not while the direct path may be back. */
  #compareRelays(peer: Peer, nowMs: number): void {
    const move = this.#move;
    if (move === null || peer.id < this.#deps.ownId) return;
    const isBusy = this.#isSeeking || this.#return?.isUnderway === true;
    if (isBusy || peer.link.state !== 'up' || peer.isQuiet(nowMs)) return move.rest(nowMs);
    const isOther = ({ id }: RelayCandidate): boolean => id !== this.#current;
    const step = move.step(peer.path.rttMs, () => this.#candidates(nowMs).filter(isOther), nowMs);
    if (step.type === 'wait') return this.#wake(step.untilMs);
    if (step.type === 'ask') {
      const query = { type: 'relayQuery', target: this.peer, mayLink: false } as const;
      for (const relay of step.relays) this.#deps.send(relay, query);
    } else if (step.type === 'open') this.#tried(step.relay, nowMs);
    else this.#tryMove(step.type, this.#channels.get(step.relay), peer, nowMs);
    this.#compareRelays(peer, nowMs);
  }

  #tryMove(step: 'probe' | 'move', held: HeldChannel | undefined, peer: Peer, nowMs: number): void {
    if (held === undefined || held.send === null) return;
    if (step === 'probe') return this.#probe({ channel: held.receive.channel });
    peer.path.useRelay({ peer: held.relay, channel: held.send }, nowMs);
    this.#follow(peer, nowMs);
  }

  #candidates(nowMs: number): RelayCandidate[] {
    return this.#deps.candidates(nowMs).filter(({ id }) => id !== this.peer && !this.#failed.has(id, nowMs));
  }

  #say(peer: Peer, nowMs: number): void {
    if (!peer.isLinked) this.#news.end();
    if (this.#news.isTold(nowMs)) {
      const bytes = encodeControl({ type: 'relayUsed', relay: this.#current });
      this.#deps.emit({ type: 'sendControl', peer: this.peer, bytes });
    }
    this.#wake(this.#news.nextMs);
  }

  #advanceChannel(held: HeldChannel, peer: Peer | undefined, nowMs: number): void {
    if (held.relay === this.#current) return;
    const isSearching = this.#search !== null;
    const isSought = isSearching || this.#move?.measures(held.relay) === true;
    // Nobody needs what a search has opened and left.
    if (held.isOurs && !isSought && !held.wasUsed) held.leaveAtMs = Math.min(held.leaveAtMs, nowMs + RELAY_LINGER_MS);
    if (nowMs >= held.leaveAtMs) return this.#leave(held, peer);
    this.#wake(held.leaveAtMs);
    if (!isSearching) return;
    const againMs = held.triedMs + RELAY_REPEAT_MS;
    if (nowMs < againMs) return this.#wake(againMs);
    held.triedMs = nowMs;
    this.#wake(nowMs + RELAY_REPEAT_MS);
    if (held.send === null) this.#askToOpen(held);
    else if (peer?.isLinked === true) this.#probe({ channel: held.receive.channel });
  }

  #leave(held: HeldChannel, peer: Peer | undefined): void {
    const isDirect = this.#current === null && !this.#isLost && peer?.link.state === 'up';
    const reason = isDirect ? 'direct' : 'gone';
    this.#deps.send(held.relay, { type: 'relayClosed', peer: this.peer, reason });
    this.#release(held);
  }

  #release({ relay, receive }: HeldChannel): void {
    this.#channels.delete(relay);
    this.#deps.emit({ type: 'closeChannel', channel: receive.channel });
  }

  #hold(relay: NodeId, receive: RelayChannel, isOurs: boolean, nowMs: number): HeldChannel {
    const held = heldChannel(relay, receive, isOurs, nowMs);
    this.#channels.set(relay, held);
    return held;
  }

  #hasRoom(relay: NodeId, isOurs: boolean): boolean {
    return this.#channels.size < MAX_CHANNELS_PER_PEER && this.#deps.hasRoom(relay, isOurs);
  }

  #askToOpen({ relay, receive }: HeldChannel): void {
    this.#deps.send(relay, { type: 'relayOpen', target: this.peer, channel: receive });
  }

  #probe(way: { readonly direct: true } | { readonly channel: number }): void {
    const probeId = this.#deps.nextProbeId();
    this.#deps.emit({ type: 'probe', peer: this.peer, probeId, sizeBytes: LIVENESS_PROBE_BYTES, ...way });
  }

  #heldAt(channel: number): HeldChannel | undefined {
    for (const held of this.#channels.values()) if (held.receive.channel === channel) return held;
    return undefined;
  }

  #wake(atMs: number): void {
    this.#wakeAtMs = Math.min(this.#wakeAtMs, atMs);
  }
}
