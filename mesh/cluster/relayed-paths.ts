/**
 * Relays to peers (ADR 0044), as this node uses them: one {@link RelayedPath} for each peer that does not answer directly, or to which
 * a channel is open. A peer that answers costs nothing here.
 */
import type { NodeId } from '../../common/node-id.js';
import type { OpenChannel, RelayChannel, RelayRoute } from '../../common/router-port.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { BoundedMap } from '../../common/bounded-map.js';
import { Deadlines } from '../deadlines.js';
import { TOUCH_INTERVAL_MS } from '../limits.js';
import {
  KNOWN_RELAY_MS,
  MAX_CHANNELS,
  MAX_CHANNELS_OF_OTHERS,
  MAX_CHANNELS_PER_RELAY,
  MAX_DOUBTED_LINKS,
  MAX_KNOWN_RELAYS,
  NAMED_RELAY_BURST,
  NAMED_RELAYS_PER_SECOND,
  STRANGER_SEARCH_BURST,
  STRANGER_SEARCHES_PER_SECOND,
} from '../relay-limits.js';
import type { MeshEffect, RandomSource } from '../mesh-io.js';
import { channelAddress, isChannelAddress } from '../peer/channel-address.js';
import type { Peer } from '../peer/peer.js';
import type { RelayCandidate } from '../peer/relay-choice.js';
import { isCarrying } from '../peer/link.js';
import { relayNeededAtMs } from '../peer/relay-need.js';
import { RelayedPath } from '../peer/relayed-path.js';
import type { RelayedPathDeps } from '../peer/relayed-path.js';
import { RateLimiter } from '../rate-limiter.js';
import type { RelayMessage } from '../wire/relay-messages.js';
import { isDirectlyHeard } from './relays.js';

type MessageOf<Type extends RelayMessage['type']> = Extract<RelayMessage, { type: Type }>;

export interface RelayedPathsDeps {
  readonly ownId: NodeId;
  readonly random: RandomSource;
  readonly peers: ReadonlyMap<NodeId, Peer>;
  /** Whether the router knows relays. */
  isAble(): boolean;
  isMember(id: NodeId): boolean;
  newChannel(): RelayChannel;
  nextProbeId(): number;
  send(to: NodeId, message: RelayMessage): void;
  emit(effect: MeshEffect): void;
  /** Makes a link to a member that has none, or tries to for as long as a search lasts. */
  open(id: NodeId, nowMs: number): void;
  /** Notes when a peer that changed has something to do. */
  schedule(peer: Peer, nowMs: number): void;
}

export class RelayedPaths {
  readonly #deps: RelayedPathsDeps;
  readonly #pathDeps: RelayedPathDeps;
  /** Of peers that are sought, bounded as these are, and of members that opened a channel: MAX_CHANNELS. */
  readonly #paths = new Map<NodeId, RelayedPath>();
  readonly #deadlines = new Deadlines<RelayedPath>();
  /** Those of them that have a channel. Bounded by MAX_CHANNELS. */
  readonly #open = new Set<RelayedPath>();
  /** Peers with a direct link when they were last considered. Bounded as the links are. */
  readonly #direct = new Map<NodeId, Peer>();
  /** Relays that work for some peer, or that another member named, and when that was; the newest last. */
  readonly #known = new BoundedMap<NodeId, number>(MAX_KNOWN_RELAYS);
  #doubtedMs = -Infinity;
  readonly #namings = new RateLimiter({ burst: NAMED_RELAY_BURST, perSecond: NAMED_RELAYS_PER_SECOND, maxKeys: 1 });
  /** Those to members that this node never met, of its neighbours and of others: whether the one and the other is a neighbour. */
  readonly #strangerSearches = new RateLimiter<boolean>({
    burst: STRANGER_SEARCH_BURST,
    perSecond: STRANGER_SEARCHES_PER_SECOND,
    maxKeys: 2,
  });

  constructor(deps: RelayedPathsDeps) {
    this.#deps = deps;
    this.#pathDeps = {
      ownId: deps.ownId,
      random: deps.random,
      maySearch: (peer, isTurn, nowMs) => this.#maySearch(peer, isTurn, nowMs),
      candidates: (nowMs) => this.#candidates(nowMs),
      hasRoom: (relay, isOurs) => this.#hasRoom(relay, isOurs),
      named: (relay, nowMs) => this.#named(relay, nowMs),
      relayTaken: (relay, before, nowMs) => this.#relayTaken(relay, before, nowMs),
      newChannel: () => deps.newChannel(),
      nextProbeId: () => deps.nextProbeId(),
      send: (to, message) => deps.send(to, message),
      emit: (effect) => deps.emit(effect),
    };
  }

  /** Peers to which the path goes through a relay. */
  get count(): number {
    let count = 0;
    for (const id of this.#paths.keys()) if (this.#deps.peers.get(id)?.path.relay) count++;
    return count;
  }

  /** Whether anything but a direct path to the peer is known or sought. */
  has(id: NodeId): boolean {
    return this.#paths.has(id);
  }

  /** Channels that are open, with those that are being opened. */
  get channelCount(): number {
    let count = 0;
    for (const { relays } of this.#open) count += [...relays].length;
    return count;
  }

  /** A relay that another member may ask for a way to this peer: the one in use, or one that works for others. */
  relayFor(id: NodeId, nowMs: number): NodeId | null {
    const isUsable = (relay: NodeId): boolean => {
      const peer = this.#deps.peers.get(relay);
      return this.#isKnown(relay, nowMs) && peer !== undefined && isDirectlyHeard(peer, nowMs);
    };
    return this.#paths.get(id)?.relay ?? [...this.#known.keys()].findLast(isUsable) ?? null;
  }

  /** Whether the path to some peer goes through this relay. */
  uses(relay: NodeId): boolean {
    for (const path of this.#open) if (path.relay === relay) return true;
    return false;
  }

  /** Why the path to the peer is relayed, or null. */
  reasonOf(id: NodeId): string | null {
    return this.#paths.get(id)?.reason() ?? null;
  }

  /** Addresses that stand for the channels to a peer; the one in use first. */
  channelsTo(id: NodeId): SocketAddress[] {
    return this.#paths.get(id)?.openChannels().map(channelAddress) ?? [];
  }

  /** The way that stands behind an address, if it is that of a channel with this peer, or with any when none is given. */
  routeAt(address: SocketAddress, peer?: NodeId): RelayRoute | null {
    if (!isChannelAddress(address)) return null;
    const paths = peer === undefined ? this.#open : [this.#paths.get(peer)];
    for (const path of paths) {
      const route = path?.routeAt(address);
      if (route) return route;
    }
    return null;
  }

  /** A link or a path changed, or something is due. */
  consider(peer: Peer, nowMs: number): void {
    const isNeeded = relayNeededAtMs(peer, false, nowMs) !== Infinity;
    if (isNeeded || this.#paths.has(peer.id)) this.#advance(peer.id, nowMs);
    if (isCarrying(peer.link) && peer.path.relay === null) this.#direct.set(peer.id, peer);
    else this.#relayGone(peer.id, nowMs);
  }

  /** The peer is gone. */
  forgotten(id: NodeId, nowMs: number): void {
    this.#relayGone(id, nowMs);
    if (this.#paths.has(id) && !this.#deps.isMember(id)) this.#delete(id);
  }

  offered(relay: Peer, offer: MessageOf<'relayOffer'>, nowMs: number): void {
    this.#paths.get(offer.target)?.offered(relay.id, offer, relay.path.rttMs ?? 0, nowMs);
    this.#advance(offer.target, nowMs);
  }

  opened(relay: Peer, { peer: id, channel, isComplete }: MessageOf<'relayOpened'>, nowMs: number): void {
    if (!this.#deps.isAble() || !this.#deps.isMember(id) || id === this.#deps.ownId || id === relay.id) return;
    const peer = this.#deps.peers.get(id);
    this.#pathTo(id).opened(relay.id, channel, isComplete, peer, nowMs);
    peer?.wayOpened(nowMs);
    this.#advance(id, nowMs);
    if (peer !== undefined) this.#deps.schedule(peer, nowMs);
  }

  /** Whether the relay had a channel of this node. */
  closed(relay: NodeId, { peer: id, reason }: MessageOf<'relayClosed'>, nowMs: number): boolean {
    const peer = this.#deps.peers.get(id);
    const isOurs = this.#paths.get(id)?.closed(relay, reason, peer, nowMs) ?? false;
    this.#advance(id, nowMs);
    if (peer !== undefined) this.#deps.schedule(peer, nowMs);
    return isOurs;
  }

  usedByPeer(peer: Peer, { relay }: MessageOf<'relayUsed'>, nowMs: number): void {
    this.#paths.get(peer.id)?.usedByPeer(relay, peer, nowMs);
    this.#advance(peer.id, nowMs);
  }

  /** A probe was answered. Whether the answer shows what the path in use is like. @param channel null for a direct answer */
  probeAnswered(peer: Peer, channel: number | null, roundTripMs: number, nowMs: number): boolean {
    const path = this.#paths.get(peer.id);
    if (path === undefined) return channel === null;
    const isOfPath = path.probeAnswered(channel, roundTripMs, peer, nowMs);
    this.#advance(peer.id, nowMs);
    return isOfPath;
  }

  /** What the router held before this process started. */
  adopt(channels: readonly OpenChannel[], nowMs: number): void {
    for (const channel of channels) {
      const { peer, relay } = channel;
      if (this.#deps.isMember(peer) && this.#deps.isMember(relay) && this.#hasRoom(relay, true)) {
        this.#pathTo(peer).adopt(channel, nowMs);
        this.#open.add(this.#pathTo(peer));
      }
    }
    this.restore(channels);
  }

  /** Another router needs all channels; the same one may hold some that were closed meanwhile. */
  restore(held: readonly OpenChannel[]): void {
    const channels = [...this.#open].flatMap((path) => path.channels());
    const own = new Set(channels.map(({ channel }) => channel.channel));
    for (const { channel } of held) {
      if (!own.has(channel.channel)) this.#deps.emit({ type: 'closeChannel', channel: channel.channel });
    }
    for (const channel of channels) this.#deps.emit({ type: 'openChannel', ...channel });
  }

  /** Does what is due. */
  advance(nowMs: number): void {
    for (const { peer } of this.#deadlines.takeDue(nowMs)) this.#advance(peer, nowMs);
  }

  /** When {@link advance} has something to do, or null. */
  pollAt(): number | null {
    return this.#deadlines.nextMs();
  }

  #advance(id: NodeId, nowMs: number): void {
    if (!this.#deps.isAble()) return;
    const peer = this.#deps.peers.get(id);
    const path = this.#paths.get(id) ?? (peer === undefined ? undefined : this.#pathTo(id));
    if (path === undefined) return;
    path.advance(peer, nowMs);
    if (path.hasChannel) this.#open.add(path);
    else this.#open.delete(path);
    if (path.isOver(peer, nowMs)) this.#delete(id);
    else this.#deadlines.set(path.deadline, path.wakeAtMs);
  }

  #pathTo(id: NodeId): RelayedPath {
    const path = this.#paths.get(id) ?? new RelayedPath(this.#pathDeps, id);
    this.#paths.set(id, path);
    return path;
  }

  #delete(id: NodeId): void {
    const path = this.#paths.get(id);
    if (path === undefined) return;
    this.#open.delete(path);
    this.#paths.delete(id);
    this.#deadlines.delete(path.deadline);
  }

  /** This node has no direct link to a relay any more. */
  #relayGone(relay: NodeId, nowMs: number): void {
    this.#direct.delete(relay);
    for (const path of this.#open) {
      if (![...path.relays].includes(relay)) continue;
      path.closed(relay, 'gone', this.#deps.peers.get(path.peer), nowMs);
      this.#advance(path.peer, nowMs);
    }
  }

  /** A member that this node never met, and has no frames for, may be one that somebody made up, among thousands. */
  #maySearch(peer: Peer, isTurn: boolean, nowMs: number): boolean {
    if (peer.isProven || peer.framesWait(nowMs)) return true;
    const { isNeighbour } = peer;
    // One that asks nobody, as before this node has a link, leaves its place to one that does.
    const isOfUse = isTurn && this.#strangerSearches.has(isNeighbour, nowMs) && this.#candidates(nowMs).length > 0;
    return isOfUse && this.#strangerSearches.take(isNeighbour, nowMs);
  }

  #candidates(nowMs: number): RelayCandidate[] {
    return Array.from(this.#direct.values()).flatMap((peer) => {
      const { id, isNeighbour, path } = peer;
      return path.rttMs !== null && isDirectlyHeard(peer, nowMs)
        ? [{ id, isNeighbour, isKnown: this.#isKnown(id, nowMs), rttMs: path.rttMs }]
        : [];
    });
  }

  #isKnown(relay: NodeId, nowMs: number): boolean {
    return nowMs - (this.#known.get(relay) ?? -Infinity) < KNOWN_RELAY_MS;
  }

  /** A path is gone. Those of links on which nothing is sent now may be too, and their next frames would be lost: they are probed. */
  #doubtQuietLinks(nowMs: number): void {
    if (nowMs - this.#doubtedMs < TOUCH_INTERVAL_MS) return;
    this.#doubtedMs = nowMs;
    const quiet = [...this.#deps.peers.values()].filter((peer) => peer.isQuiet(nowMs) && peer.path.relay === null);
    quiet.sort((a, b) => b.lastTrafficMs - a.lastTrafficMs);
    for (const peer of quiet.slice(0, MAX_DOUBTED_LINKS)) {
      peer.doubt(nowMs);
      this.#deps.schedule(peer, nowMs);
    }
  }

  #relayTaken(relay: NodeId | null, before: NodeId | null, nowMs: number): void {
    if (relay !== null) this.#known.set(relay, nowMs);
    if (before === null) return this.#doubtQuietLinks(nowMs);
    // Its link may be closed when nothing else needs it.
    const left = this.#deps.peers.get(before);
    if (left !== undefined) this.#deps.schedule(left, nowMs);
  }

  #named(relay: NodeId, nowMs: number): boolean {
    const { ownId, peers } = this.#deps;
    if (relay === ownId || !this.#deps.isMember(relay)) return false;
    const peer = peers.get(relay);
    if (peer === undefined || !isDirectlyHeard(peer, nowMs)) {
      if (!this.#namings.take(0, nowMs)) return false;
      if (peer !== undefined && peer.link.state === 'up') peer.touchIfQuiet(nowMs);
      else this.#deps.open(relay, nowMs);
    }
    this.#known.set(relay, nowMs);
    return true;
  }

  #hasRoom(relay: NodeId, isOurs: boolean): boolean {
    if (this.channelCount >= MAX_CHANNELS) return false;
    if (isOurs) return true;
    const unused = [...this.#open].flatMap((path) => path.unusedOfOthers());
    const ofRelay = unused.filter((id) => id === relay).length;
    return unused.length < MAX_CHANNELS_OF_OTHERS && ofRelay < MAX_CHANNELS_PER_RELAY;
  }
}
