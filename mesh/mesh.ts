/**
 * The mesh core: takes events with the time, keeps all state, gives back effects. Nothing here reads a clock, draws a
 * random number of its own or touches a socket.
 *
 *   event -> clock (pauses are not the peers' fault) -> dispatch -> what is due -> ownership -> effects
 *
 * The parts: handshakes.ts (datagrams to sessions), peer.ts (one peer each), peer-table.ts (all peers, and who owns what),
 * gossip.ts (how adverts travel), seeds.ts (how to join), topology.ts (what others report).
 */
import type { Cidr } from '../common/address/cidr.js';
import type { NodeId } from '../common/node-id.js';
import type { CipherName } from '../common/router-port.js';
import { formatSocketAddress } from '../common/address/socket-address.js';
import type { SocketAddress } from '../common/address/socket-address.js';
import { ClusterKeys } from './wire/cluster-keys.js';
import { ControlDispatcher } from './cluster/control-dispatcher.js';
import { encodeControl } from './wire/control-message.js';
import { CoreClock, pauseBetween } from './core-clock.js';
import { Counters } from './counters.js';
import { Gossip } from './cluster/gossip.js';
import type { HandshakeDeps } from './handshake/handshake.js';
import type { HandshakeRefusal } from './handshake/handshake-refusal.js';
import { preferCipher } from './wire/handshake-payload.js';
import { Handshakes } from './handshake/handshakes.js';
import type { HandshakeOutcome } from './handshake/handshakes.js';
import type { NodeIdentity } from './wire/identity.js';
import { MAX_SEEDS } from './limits.js';
import { Dialer } from './peer/dial.js';
import { LINK_REASONS } from './peer/link.js';
import type {
  LostClaim,
  MemberView,
  MeshEffect,
  MeshEvent,
  RandomSource,
  RemoteLinkView,
  RemotePodsView,
  RouteView,
  SelfDescription,
  UnderlayFacts,
} from './mesh-io.js';
import { Notices } from './notices.js';
import type { Peer } from './peer/peer.js';
import { PeerTable } from './cluster/peer-table.js';
import { Seeds } from './cluster/seeds.js';
import { SelfAdvert } from './cluster/self-advert.js';
import { SessionSlots } from './handshake/session-slots.js';
import { Topology } from './cluster/topology.js';
import { memberView, routeViews } from './cluster/views.js';

export interface MeshOptions {
  readonly identity: NodeIdentity;
  readonly self: SelfDescription;
  /** 32 bytes, the same on every node of the cluster. */
  readonly clusterSecret: Uint8Array;
  readonly clusterCidrs: readonly Cidr[];
  readonly random: RandomSource;
  readonly underlay: UnderlayFacts;
  /** What {@link Mesh.adverts} gave before the restart; bad ones are ignored. */
  readonly cachedAdverts: readonly Uint8Array[];
  /** Wall-clock time at this call. */
  readonly wallClockMs: number;
  /** `auto` takes the router's own order. */
  readonly cipherPreference: 'auto' | CipherName;
}

type EventOf<Type extends MeshEvent['type']> = Extract<MeshEvent, { type: Type }>;
type PeerEvent = EventOf<'control' | 'probeAnswer' | 'sessionConfirmed' | 'roamed' | 'sessionWanted'>;
type Established = Extract<HandshakeOutcome, { type: 'responded' | 'confirmed' }>;

export class Mesh {
  readonly #clock = new CoreClock();
  readonly #counters = new Counters();
  readonly #notices = new Notices((notice) => this.#emit(notice));
  readonly #self: SelfAdvert;
  readonly #slots: SessionSlots;
  readonly #keys: ClusterKeys;
  readonly #handshakes: Handshakes;
  readonly #dialer: Dialer;
  readonly #peerTable: PeerTable;
  readonly #gossip: Gossip;
  readonly #seeds: Seeds;
  readonly #topology: Topology;
  readonly #control: ControlDispatcher;
  #effects: MeshEffect[] = [];
  #instance: string | null = null;
  #connected = false;
  #blindSinceMs = 0;
  #ciphers: readonly CipherName[] = ['chacha20-poly1305'];
  #dueMs: number | null = null;
  #probeId = 0;
  #stopped = false;

  constructor(options: MeshOptions) {
    const { identity, random } = options;
    this.#self = new SelfAdvert(identity, options.self, random, options.wallClockMs);
    this.#slots = new SessionSlots(random);
    this.#keys = new ClusterKeys(options.clusterSecret);
    this.#handshakes = new Handshakes(this.#handshakeDeps(options), this.#slots);
    this.#dialer = new Dialer({ handshakes: this.#handshakes, random, emit: (effect) => this.#emit(effect) });
    this.#topology = new Topology(identity.id);
    this.#peerTable = this.#makePeerTable(options);
    this.#gossip = this.#makeGossip(random);
    this.#seeds = this.#makeSeeds(options);
    this.#control = this.#makeControlDispatcher(random);
    for (const bytes of options.cachedAdverts) this.#peerTable.learnEncodedAdvert(bytes, null, 0);
    this.#peerTable.ownership.update(this.#peerTable.adverts());
  }

  /** Takes one event. `nowMs` is the caller's monotonic clock; one that jumps is put up with. Never throws on input. */
  handle(event: MeshEvent, nowMs: number): MeshEffect[] {
    const now = this.#clock.advance(nowMs);
    if (this.#stopped) return [];
    this.#effects = [];
    const gapMs = this.#connected ? pauseBetween(this.#dueMs, now) : 0;
    if (gapMs > 0) for (const peer of this.#peerTable.peers.values()) peer.excusePause(gapMs, now);
    this.#dispatch(event, now);
    if (this.#connected && !this.#stopped) this.#advance(now);
    for (const effect of this.#peerTable.flush(now)) this.#emit(effect);
    return this.#effects;
  }

  /** When `handle({ type: 'tick' })` wants to be called, on the caller's clock; null while there is nothing to do. */
  pollAt(): number | null {
    if (!this.#connected || this.#stopped || this.#dueMs === null) return null;
    return this.#clock.toCaller(this.#dueMs);
  }

  /** The whole ownership table, this node's own CIDRs among it (always usable). */
  routes(): RouteView[] {
    return routeViews(this.#peerTable.ownership.entries, this.#self.current, this.#peerTable.peers);
  }

  /** All other members. */
  members(nowMs: number): MemberView[] {
    this.#clock.advance(nowMs);
    return [...this.#peerTable.peers.values()].flatMap((peer) => memberView(peer, this.#clock) ?? []);
  }

  remoteLinks(nowMs: number): RemoteLinkView[] {
    return this.#topology.links(this.#clock.advance(nowMs));
  }

  remotePods(nowMs: number): RemotePodsView[] {
    return this.#topology.pods(this.#clock.advance(nowMs));
  }

  lostClaims(): LostClaim[] {
    return this.#peerTable.ownership.lostClaims();
  }

  /** The encoded adverts of this node and of all members, for `cachedAdverts` of the next start. */
  adverts(): Uint8Array[] {
    return Array.from(this.#peerTable.adverts(), ({ bytes }) => bytes);
  }

  /** What was refused, by reason, and how much state there is. */
  counters(): Readonly<Record<string, number>> {
    return {
      ...this.#counters.all(),
      members: this.#peerTable.members.size,
      sessionSlots: this.#slots.count,
      pendingHandshakes: this.#handshakes.pendingCount,
    };
  }

  #dispatch(event: MeshEvent, now: number): void {
    switch (event.type) {
      case 'routerConnected':
        return this.#routerConnected(event, now);
      case 'routerDisconnected':
        this.#connected = false;
        this.#blindSinceMs = now;
        return;
      case 'datagram':
        this.#applyOutcome(this.#handshakes.receive(event.bytes, event.from, now), event.from, now);
        return this.#wakeAt(this.#handshakes.pollAt());
      case 'counters':
        return this.#updateCounters(event, now);
      case 'seeds':
        if (this.#seeds.replace(event.seeds, now)) {
          this.#notices.write('warn', `only the first ${MAX_SEEDS} seeds are used`, now);
        }
        return this.#wakeAt(now);
      case 'self':
        this.#self.describe(event.self);
        return this.#wakeAt(now);
      case 'clusterCidrs':
        return this.#peerTable.useClusterCidrs(event.cidrs);
      case 'clusterSecret':
        return this.#secretChanged(event.secret, now);
      case 'localPods':
        return this.#topology.localPods(event.pods);
      case 'topologyWanted':
        this.#topology.want(this.#clock.fromCaller(event.untilMs), now);
        return this.#wakeAt(now);
      case 'tick':
        return;
      case 'stop':
        return this.#stop();
      case 'control':
      case 'probeAnswer':
      case 'sessionConfirmed':
      case 'roamed':
      case 'sessionWanted':
        return this.#peerEvent(event, now);
    }
  }

  /** Handshakes in progress belong to the old secret: they are dropped and begun anew. */
  #secretChanged(secret: Uint8Array, now: number): void {
    this.#keys.replace(secret);
    this.#handshakes.clear();
    this.#seeds.restart(now);
    for (const peer of this.#peerTable.peers.values()) peer.secretReplaced(now);
    this.#wakeAt(now);
  }

  #peerEvent(event: PeerEvent, now: number): void {
    const peer = this.#peerTable.peers.get(event.peer);
    if (peer === undefined) return this.#counters.count('unknownPeer');
    if (event.type === 'control') {
      peer.unitReceived(now);
      this.#control.receive(peer, event.bytes, now);
    } else if (event.type === 'probeAnswer') peer.probeAnswered(event.sizeBytes, event.roundTripUs / 1000, now);
    else if (event.type === 'sessionConfirmed') peer.sessionConfirmed(event.localIndex, now);
    else if (event.type === 'roamed') peer.roamed(event.endpoint, now);
    else peer.sessionWanted(now);
    this.#advancePeer(peer, now);
  }

  #updateCounters(event: EventOf<'counters'>, now: number): void {
    const { peers } = this.#peerTable;
    for (const { peer, localIndex, unitsSent } of event.sessions) {
      peers.get(peer)?.sessions.noteUnits(localIndex, unitsSent);
    }
    for (const counters of event.peers) peers.get(counters.peer)?.updateCounters(counters, now);
    this.#wakeAt(now);
  }

  #applyOutcome(outcome: HandshakeOutcome, from: SocketAddress, now: number): void {
    switch (outcome.type) {
      case 'refused':
        this.#counters.countHandshake(outcome.reason);
        this.#noticeRefusal(outcome.reason, outcome.detail, from, now);
        if (outcome.reply !== null) this.#emit({ type: 'sendDatagram', to: from, bytes: outcome.reply });
        return;
      case 'reply':
        return this.#emit({ type: 'sendDatagram', to: from, bytes: outcome.reply });
      case 'confirmedAgain':
        return this.#peerTable.peers.get(outcome.peer)?.probeIfLinked(now);
      case 'unexpectedPeer': {
        const peer = this.#peerTable.learnHandshakeAdvert(outcome.advert, now);
        this.#counters.countHandshake('unexpectedPeer');
        this.#seeds.resolve(outcome.localIndex, outcome.advert.id);
        if (peer !== null) peer.path.suggestEndpoint(from);
        return;
      }
      case 'responded':
      case 'confirmed':
        return this.#established(outcome, from, now);
    }
  }

  #established(outcome: Established, from: SocketAddress, now: number): void {
    const { session, startedMs } = outcome;
    if (session.peer === this.#self.current.id) this.#counters.countHandshake('ownIdentity');
    const peer = this.#peerTable.learnHandshakeAdvert(outcome.advert, now);
    if (outcome.type === 'responded') this.#seeds.resolve(session.localIndex, session.peer);
    // The peer's own handshake has finished while ours was under way: one session is enough.
    const isSurplus = outcome.type === 'responded' && peer?.sessions.hasNewerThan(startedMs) === true;
    if (peer === null || isSurplus) return this.#slots.release(session.localIndex);
    if (outcome.type === 'responded') peer.installAsInitiator(session, outcome.confirmation, from, now);
    else peer.installAsResponder(session, from, startedMs, now);
    this.#advancePeer(peer, now);
  }

  #routerConnected(event: EventOf<'routerConnected'>, now: number): void {
    const isSame = event.instance === this.#instance;
    const reason = this.#instance === null ? LINK_REASONS.cached : LINK_REASONS.routerLost;
    this.#connected = true;
    this.#instance = event.instance;
    this.#ciphers = event.ciphers;
    this.#peerTable.routesWanted();
    this.#dueMs = now;
    if (isSame) return this.#routerReturned(event, now);
    this.#handshakes.clear();
    this.#seeds.restart(now);
    for (const peer of this.#peerTable.peers.values()) peer.routerReplaced(reason, now);
    for (const status of event.sessions) this.#peerTable.peerOf(status.peer, now).adopt(status, now);
    for (const { peer, endpoint, mtuBytes } of event.paths) {
      this.#peerTable.peers.get(peer)?.path.restore(endpoint, mtuBytes);
    }
    for (const peer of this.#peerTable.peers.values()) peer.path.emit();
  }

  /** The connection to the same router was interrupted: it holds what it held, less what we removed meanwhile. */
  #routerReturned(event: EventOf<'routerConnected'>, now: number): void {
    const held = new Set(event.sessions.map(({ localIndex }) => localIndex));
    for (const peer of this.#peerTable.peers.values()) {
      peer.routerReturned((localIndex) => held.has(localIndex), now - this.#blindSinceMs, now);
      peer.path.emit();
    }
    for (const { peer, localIndex } of event.sessions) {
      const known = this.#peerTable.peers.get(peer)?.sessions.find(localIndex) ?? null;
      if (known === null) this.#emit({ type: 'removeSession', localIndex });
    }
  }

  #advance(now: number): void {
    if (this.#dueMs === null || now >= this.#dueMs) this.#advanceAll(now);
    this.#gossip.advance(now);
  }

  #advanceAll(now: number): void {
    this.#handshakes.expire(now);
    if (this.#self.advance(now)) this.#peerTable.selfChanged();
    this.#peerTable.advance(now);
    this.#seeds.advance(now);
    this.#control.askForLinks(this.#peerTable.linked(), now);
    this.#gossip.advance(now);
    this.#dueMs = null;
    this.#wakeAt(this.#peerTable.pollAt(now));
    this.#wakeAt(this.#self.pollAt(now));
    for (const part of [this.#handshakes, this.#seeds, this.#topology, this.#gossip]) this.#wakeAt(part.pollAt());
  }

  #advancePeer(peer: Peer, now: number): void {
    if (!this.#connected) return;
    peer.advance(now);
    this.#wakeAt(peer.pollAt(now));
    this.#wakeAt(this.#self.pollAt(now));
  }

  #wakeAt(atMs: number | null): void {
    if (atMs !== null) this.#dueMs = Math.min(this.#dueMs ?? Infinity, atMs);
  }

  #stop(): void {
    const bytes = encodeControl({ type: 'goodbye' });
    for (const peer of this.#peerTable.linked()) this.#emit({ type: 'sendControl', peer, bytes });
    this.#stopped = true;
  }

  #handshakeDeps({ identity, random, cipherPreference }: MeshOptions): HandshakeDeps {
    return {
      identity,
      random,
      keys: this.#keys,
      advert: () => this.#self.current.bytes,
      ciphers: () => preferCipher(this.#ciphers, cipherPreference),
    };
  }

  #makePeerTable({ identity, random, underlay, clusterCidrs }: MeshOptions): PeerTable {
    return new PeerTable({
      self: this.#self,
      clusterCidrs,
      counters: this.#counters,
      notices: this.#notices,
      peer: {
        ownId: identity.id,
        random,
        dialer: this.#dialer,
        slots: this.#slots,
        underlay,
        emit: (effect) => this.#emit(effect),
        nextProbeId: () => (this.#probeId = (this.#probeId + 1) >>> 0),
      },
      hasStarted: () => this.#instance !== null,
      broadcastAdvert: (advert, from) => this.#gossip.broadcast(advert, from),
      sendDigest: (peer) => this.#gossip.sendDigest(peer),
      advancePeer: (peer, nowMs) => this.#advancePeer(peer, nowMs),
    });
  }

  #makeGossip(random: RandomSource): Gossip {
    const deps = {
      linkedPeers: (): NodeId[] => this.#peerTable.linked(),
      ownAdvert: () => this.#self.current,
      send: (peer: NodeId, bytes: Uint8Array): void => this.#emit({ type: 'sendControl', peer, bytes }),
    };
    return new Gossip(this.#peerTable.members, deps, random);
  }

  #makeSeeds({ underlay }: MeshOptions): Seeds {
    return new Seeds({
      dialer: this.#dialer,
      underlay,
      isMember: (id) => this.#peerTable.members.get(id) !== undefined,
      isLinked: (id) => this.#peerTable.peers.get(id)?.isLinked === true,
      linkedAt: (address) => this.#peerTable.linkedAt(address),
    });
  }

  #makeControlDispatcher(random: RandomSource): ControlDispatcher {
    return new ControlDispatcher({
      gossip: this.#gossip,
      topology: this.#topology,
      peers: this.#peerTable.peers,
      random,
      counters: this.#counters,
      send: (peer, bytes) => this.#emit({ type: 'sendControl', peer, bytes }),
      learnAdvert: (bytes, from, nowMs) => this.#peerTable.learnEncodedAdvert(bytes, from, nowMs),
    });
  }

  #emit(effect: MeshEffect): void {
    this.#effects.push(effect);
  }

  #noticeRefusal(reason: HandshakeRefusal, detail: string | null, from: SocketAddress, now: number): void {
    const fields = { from: formatSocketAddress(from) };
    if (reason === 'badMac') {
      this.#notices.write(
        'warn',
        'handshake with a bad MAC: probably a different cluster secret; compare the secrets of both nodes',
        now,
        from.ip,
        fields,
      );
    } else if (detail !== null) {
      this.#notices.write('warn', `handshake refused: ${detail}`, now, from.ip, { ...fields, reason });
    }
  }
}
