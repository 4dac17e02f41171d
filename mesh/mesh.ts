/**
 * The mesh core: takes events with the time, keeps all state, gives back effects. It reads no clock, draws no random number
 * of its own and touches no socket.
 *
 * ```
 *   event -> core clock -> excuse a pause of this process -> dispatch -> do what is due -> ownership -> effects
 * ```
 *
 * Its parts (`mesh-parts.ts`): handshakes.ts (datagrams to sessions), peer.ts (one peer each), peer-table.ts (all peers,
 * and who owns what), gossip.ts (how adverts travel), seeds.ts (how to join), topology.ts (links and pods of other nodes).
 */
import type { NodeId } from '../common/node-id.js';
import type { PeerCounters } from '../common/router-port.js';
import { CoreClock, pauseBetween } from './core-clock.js';
import { MAX_SEEDS } from './limits.js';
import type {
  KeptStamps,
  LostClaim,
  MemberView,
  MeshEffect,
  MeshEvent,
  RefusedView,
  RemoteLinkView,
  RemotePodsView,
  RevokedView,
  RouteView,
  SeedView,
  TopologyReports,
} from './mesh-io.js';
import { MeshParts } from './mesh-parts.js';
import type { MeshOptions } from './mesh-parts.js';
import { answerTo, originOf } from './origin.js';
import type { Peer } from './peer/peer.js';
import { isUsable } from './peer/link.js';
import { idleView, memberView, routeViews } from './cluster/views.js';
import type { Advert } from './wire/advert.js';
import { encodeControl } from './wire/control-message.js';

type EventOf<Type extends MeshEvent['type']> = Extract<MeshEvent, { type: Type }>;
type PeerEvent = EventOf<'control' | 'probeAnswer' | 'sessionConfirmed' | 'roamed' | 'sessionWanted' | 'tooBig'>;

export class Mesh {
  readonly #clock = new CoreClock();
  readonly #parts: MeshParts;
  #effects: MeshEffect[] = [];
  /** When the next tick is due, on the core's clock. */
  #dueMs: number | null = null;
  #stopped = false;

  constructor(options: MeshOptions) {
    this.#parts = new MeshParts(options, {
      emit: (effect) => this.#effects.push(effect),
      advancePeer: (peer, nowMs) => this.#advancePeer(peer, nowMs),
    });
    const { peerTable } = this.#parts;
    peerTable.recall(options.cachedAdverts, options.cachedStamps.left ?? []);
  }

  /** Takes one event. `nowMs` is the caller's monotonic clock, which may jump. Never throws on input. */
  handle(event: MeshEvent, nowMs: number): MeshEffect[] {
    const now = this.#clock.advance(nowMs);
    if (this.#stopped) return [];
    this.#effects = [];
    this.#excusePause(now);
    if (event.type === 'probeAnswer' && this.#heardAsBefore(event, now)) return this.#effects;
    this.#dispatch(event, now);
    if (this.#parts.router.isUp && !this.#stopped) this.#advance(now);
    for (const effect of this.#parts.peerTable.flush(now)) this.#effects.push(effect);
    this.#wakeAt(this.#parts.peerTable.neighbourhood.pollAt());
    this.#wakeAt(this.#parts.relaying.pollAt());
    return this.#effects;
  }

  /** When `handle({ type: 'tick' })` is due, on the caller's clock; null while there is nothing to do. */
  pollAt(): number | null {
    if (!this.#parts.router.isUp || this.#stopped || this.#dueMs === null) return null;
    return this.#clock.toCaller(this.#dueMs);
  }

  /** The whole ownership table, this node's own CIDRs included (always usable). */
  routes(): RouteView[] {
    const { peerTable, self } = this.#parts;
    return routeViews(peerTable.ownership.entries, self.current, peerTable);
  }

  /** Whether frames to the node are forwarded: it owns addresses, and nothing is known against it. */
  hasRoute(node: NodeId): boolean {
    const { peerTable } = this.#parts;
    const peer = peerTable.peers.get(node);
    return (peer === undefined || isUsable(peer.link)) && peerTable.ownership.ownsAny(node);
  }

  /** All other members. */
  members(nowMs: number): MemberView[] {
    const now = this.#clock.advance(nowMs);
    return Array.from(this.#parts.peerTable.members.all(), (advert) => this.#view(advert, now));
  }

  /** Other members. */
  get memberCount(): number {
    return this.#parts.peerTable.members.size;
  }

  /** Adverts that were new to this process so far. */
  get learnedAdverts(): number {
    return this.#parts.peerTable.members.learned;
  }

  /** Members with a link, or with something known against them. */
  linkedMembers(nowMs: number): MemberView[] {
    const now = this.#clock.advance(nowMs);
    return [...this.#parts.peerTable.peers.values()].flatMap(({ advert }) =>
      advert === null ? [] : this.#view(advert, now),
    );
  }

  /** Ids of the members that this node holds for down. */
  downMembers(): NodeId[] {
    const peers = [...this.#parts.peerTable.peers.values()];
    return peers.filter(({ link, advert }) => link.state === 'down' && advert !== null).map(({ id }) => id);
  }

  /** Another member, or null. */
  member(id: NodeId, nowMs: number): MemberView | null {
    const advert = this.#parts.peerTable.members.get(id);
    return advert === undefined ? null : this.#view(advert, this.#clock.advance(nowMs));
  }

  remoteLinks(nowMs: number): RemoteLinkView[] {
    return this.#parts.topology.links(this.#clock.advance(nowMs));
  }

  remotePods(nowMs: number): RemotePodsView[] {
    return this.#parts.topology.pods(this.#clock.advance(nowMs));
  }

  topologyReports(nowMs: number): TopologyReports {
    const { topology, peerTable } = this.#parts;
    return topology.reports(peerTable.linked(), this.#clock.advance(nowMs));
  }

  seeds(): SeedView[] {
    const toCaller = (ms: number): number => this.#clock.toCaller(ms);
    return this.#parts.seeds
      .views()
      .map(({ answer, ...seed }) => ({ ...seed, answer: answer && { ...answer, atMs: toCaller(answer.atMs) } }));
  }

  /** Addresses whose handshakes were refused lately. */
  refusedSources(nowMs: number): RefusedView[] {
    const recent = this.#parts.refusedSources.recent(this.#clock.advance(nowMs));
    return recent.map((refused) => ({ ...refused, lastMs: this.#clock.toCaller(refused.lastMs) }));
  }

  lostClaims(): LostClaim[] {
    return this.#parts.peerTable.ownership.lostClaims();
  }

  /** The encoded adverts of this node and of all members, for `cachedAdverts` of the next start. */
  adverts(): Uint8Array[] {
    return Array.from(this.#parts.peerTable.adverts(), ({ bytes }) => bytes);
  }

  /** For `cachedStamps` of the next start. */
  stamps(): KeptStamps {
    const { stamps, witness, revocations, peerTable } = this.#parts;
    const kept = { firstHeard: witness.kept(), revocations: revocations.encoded(), left: peerTable.left() };
    return { ...stamps.kept(), ...kept };
  }

  /** Nodes that are revoked, the latest decision last. */
  revoked(): RevokedView[] {
    const { revocations, peerTable, self } = this.#parts;
    return revocations.inForce().map(({ node, name, issuer, atMs }) => {
      const issuerName = issuer === self.current.id ? self.current.name : (peerTable.members.get(issuer)?.name ?? null);
      return { node, name, issuer, issuerName, atMs };
    });
  }

  /** What was refused, by reason, and how much state there is. */
  counters(): Readonly<Record<string, number>> {
    const { counters, slots, handshakes, relaying } = this.#parts;
    return {
      ...counters.all(),
      members: this.memberCount,
      sessionSlots: slots.count,
      pendingHandshakes: handshakes.pendingCount,
      relayedPairs: relaying.pairCount,
      relayedPeers: relaying.paths.count,
    };
  }

  #view(advert: Advert, now: number): MemberView {
    const { peerTable, witness } = this.#parts;
    const peer = peerTable.peers.get(advert.id);
    return peer === undefined
      ? idleView(advert, this.#clock.toCaller(witness.knownSinceMs(advert, now)))
      : memberView(peer, advert, this.#parts.relaying.paths.reasonOf(advert.id), this.#clock);
  }

  #dispatch(event: MeshEvent, now: number): void {
    const { router, self, peerTable, topology } = this.#parts;
    switch (event.type) {
      case 'routerConnected':
        router.connected(event, this.#parts, now);
        peerTable.scheduleAll(now);
        this.#dueMs = now;
        return;
      case 'routerDisconnected':
        return router.disconnected(now);
      case 'datagram':
        return this.#receiveHandshake(event, now);
      case 'counters':
        return this.#updateCounters(event, now);
      case 'seeds':
        return this.#replaceSeeds(event, now);
      case 'underlayMtu':
        for (const peer of peerTable.peers.values()) peer.path.useUnderlayMtu(now);
        peerTable.scheduleAll(now);
        return this.#wakeAt(now);
      case 'self':
        self.setDescription(event.self);
        return this.#wakeAt(now);
      case 'clusterCidrs':
        return peerTable.useClusterCidrs(event.cidrs);
      case 'clusterSecrets':
        return this.#replaceSecrets(event.secrets, now);
      case 'localPods':
        return topology.setLocalPods(event.pods);
      case 'topologyWanted':
        topology.watchUntil(this.#clock.fromCaller(event.untilMs), now);
        return this.#wakeAt(now);
      case 'revoke':
        return this.#parts.revocationSpread.decide(event.node, event.isRevoked, now);
      case 'authorityAnswered':
        return this.#authorityAnswered(event, now);
      case 'nodeChanged':
        this.#parts.nodeChanges.learn([event.change], now);
        return this.#wakeAt(this.#parts.nodeChanges.pollAt());
      case 'relayIdle':
        return this.#parts.relaying.idle(event.channel, now);
      case 'heardDirectly':
        // The other end says itself which way it sends; this is where it does so from.
        return peerTable.peers.get(event.peer)?.path.heardDirectly(originOf(event.from, event));
      case 'tick':
        return;
      case 'stop':
        return this.#stop();
      case 'control':
      case 'probeAnswer':
      case 'sessionConfirmed':
      case 'roamed':
      case 'sessionWanted':
      case 'tooBig':
        return this.#peerEvent(event, now);
    }
  }

  #receiveHandshake(event: EventOf<'datagram'>, now: number): void {
    const { relaying, handshakes, outcomes, counters } = this.#parts;
    const from = relaying.sourceOf(event);
    if (from === null) return counters.count('unknownChannel');
    const origin = originOf(from, event);
    outcomes.apply(handshakes.receive(event.bytes, from, now, origin.local), origin, now);
    this.#wakeAt(handshakes.pollAt());
  }

  /**
   * Most of all events: nothing is due, and the answer on a steady link shows only that all is as it was. There is nothing else to
   * look at then. False when it is otherwise: nothing was done.
   */
  #heardAsBefore(
    { peer: id, relayed, sizeBytes, roundTripUs, observed }: EventOf<'probeAnswer'>,
    now: number,
  ): boolean {
    const { peerTable, relaying, router } = this.#parts;
    if (!router.isUp || this.#dueMs === null || now >= this.#dueMs) return false;
    const peer = peerTable.peers.get(id);
    const isSame =
      peer?.isSteady === true && relayed !== true && peer.path.isSeenAt(observed) && !relaying.paths.has(id);
    if (!isSame) return false;
    peer.probeAnswered(sizeBytes, roundTripUs / 1000, now);
    if (!peer.isSteady) this.#advancePeer(peer, now);
    return true;
  }

  /** An answer that came another way than the path takes shows only that the peer lives. */
  #probeAnswered(peer: Peer, event: EventOf<'probeAnswer'>, now: number): void {
    const { relaying, peerTable } = this.#parts;
    const { relayed = false, channel, sizeBytes, roundTripUs, observed } = event;
    const roundTripMs = roundTripUs / 1000;
    const isOfPath = relaying.paths.probeAnswered(peer, relayed ? (channel ?? 0) : null, roundTripMs, now);
    if (isOfPath) peer.probeAnswered(sizeBytes, roundTripMs, now);
    else peer.unitReceived(now);
    if (relayed || !peer.path.seenAt(observed)) return;
    peerTable.touchQuiet(now);
    this.#wakeAt(peerTable.pollAt());
  }

  #peerEvent(event: PeerEvent, now: number): void {
    const { peerTable, control, counters, nodeChanges } = this.#parts;
    const known = peerTable.peers.get(event.peer);
    const peer = known ?? (event.type === 'sessionWanted' ? peerTable.peerOf(event.peer, now) : null);
    if (peer === null) return counters.count('unknownPeer');
    const wasSteady = peer.isSteady;
    switch (event.type) {
      case 'control':
        peer.unitReceived(now);
        control.receive(peer, event.bytes, now);
        this.#wakeAt(nodeChanges.pollAt());
        break;
      case 'probeAnswer':
        this.#probeAnswered(peer, event, now);
        break;
      case 'sessionConfirmed':
        peer.sessionConfirmed(event.localIndex, now);
        break;
      case 'roamed':
        peer.roamed(originOf(event.endpoint, event), now);
        break;
      case 'sessionWanted':
        peer.sessionWanted(now);
        break;
      case 'tooBig':
        peer.path.stepMtu({ type: 'refused' }, now);
        break;
    }
    // What is heard on such a link moves its deadlines on; they are put right when they come up.
    const isHeard = event.type === 'control' || event.type === 'probeAnswer';
    if (!isHeard || !wasSteady || !peer.isSteady) this.#advancePeer(peer, now);
  }

  #updateCounters(event: EventOf<'counters'>, now: number): void {
    const { peerTable } = this.#parts;
    for (const { peer, localIndex, unitsSent } of event.sessions) {
      peerTable.peers.get(peer)?.sessions.noteUnits(localIndex, unitsSent);
    }
    for (const counters of event.peers) this.#updatePeer(counters, now);
    this.#wakeAt(peerTable.pollAt());
  }

  #authorityAnswered({ node, name, podCidrs, isFresh }: EventOf<'authorityAnswered'>, now: number): void {
    const { authority, outcomes, peerTable } = this.#parts;
    authority.answered(node, name, podCidrs, isFresh, now);
    peerTable.authorityAnswered(node, now);
    outcomes.authorityAnswered(node, podCidrs !== null, now);
    this.#wakeAt(now);
  }

  #replaceSeeds(event: EventOf<'seeds'>, now: number): void {
    const { seeds, notices } = this.#parts;
    const isTooMany = seeds.replace(event.seeds, now);
    if (isTooMany) {
      const message = `more than ${MAX_SEEDS} seeds are configured: the first ${MAX_SEEDS} are used`;
      notices.write('warn', message, now, '', { configured: event.seeds.length });
    }
    this.#wakeAt(now);
  }

  #updatePeer(counters: PeerCounters, now: number): void {
    const { peerTable, authority } = this.#parts;
    const peer = peerTable.peers.get(counters.peer);
    if (peer === undefined) return;
    peer.updateCounters(counters, now);
    peerTable.schedule(peer, now);
    if (peer.advert !== null) authority.used(peer.advert, counters.txFrames + counters.rxFrames, now);
  }

  /** Handshakes in progress may be of a secret that is gone: they are dropped then, and started anew. */
  #replaceSecrets(next: readonly Uint8Array[], now: number): void {
    const { secrets, self, handshakes, seeds, peerTable, revocations } = this.#parts;
    const staying = secrets.replace(next);
    self.renew();
    for (const node of revocations.secretsReplaced(staying)) peerTable.members.pardon(node);
    peerTable.stampsChanged();
    this.#wakeAt(now);
    if (staying === 'all') return;
    handshakes.clear();
    seeds.restart(now);
    for (const peer of peerTable.peers.values()) peer.secretReplaced(now);
    peerTable.scheduleAll(now);
  }

  /** A tick that comes much too late means that this process stood still: the silence is not the peers'. */
  #excusePause(now: number): void {
    const { router, health } = this.#parts;
    const gapMs = router.isUp ? pauseBetween(this.#dueMs, now) : 0;
    if (gapMs <= 0) return health.note(router.isUp ? now - (this.#dueMs ?? now) : 0, now);
    for (const peer of this.#parts.peerTable.peers.values()) peer.excusePause(gapMs, now);
    this.#parts.peerTable.scheduleAll(now);
  }

  #advance(now: number): void {
    if (this.#dueMs === null || now >= this.#dueMs) this.#advanceAll(now);
    this.#parts.gossip.advance(now);
    this.#wakeAt(this.#parts.gossip.pollAt());
    this.#parts.deaths.advance(now);
  }

  #advanceAll(now: number): void {
    const { self, handshakes, peerTable, seeds, control, gossip, topology, nodeChanges, watchDuty, deaths } =
      this.#parts;
    handshakes.expire(now);
    for (const { origin, bytes } of handshakes.takeDue(now)) this.#parts.emit(answerTo(origin, bytes));
    if (self.advance(now)) peerTable.selfChanged();
    peerTable.advance(now);
    seeds.advance(now);
    const { neighbourhood } = peerTable;
    control.askForLinks(() => (topology.isWatched(now) ? peerTable.linked() : neighbourhood.linked()), now);
    gossip.advance(now);
    watchDuty.advance(now);
    nodeChanges.advance(now);
    this.#parts.relaying.advance(now);
    this.#dueMs = null;
    this.#wakeAt(peerTable.pollAt());
    this.#wakeAt(self.pollAt(now));
    for (const part of [handshakes, seeds, topology, gossip, watchDuty, nodeChanges, deaths])
      this.#wakeAt(part.pollAt());
  }

  #advancePeer(peer: Peer, now: number): void {
    const { router, self, peerTable } = this.#parts;
    if (!router.isUp) return;
    peerTable.advancePeer(peer, now);
    this.#wakeAt(peerTable.pollAt());
    this.#wakeAt(self.pollAt(now));
  }

  #wakeAt(atMs: number | null): void {
    if (atMs !== null) this.#dueMs = Math.min(this.#dueMs ?? Infinity, atMs);
  }

  #stop(): void {
    const bytes = encodeControl({ type: 'goodbye' });
    for (const peer of this.#parts.peerTable.linked()) this.#effects.push({ type: 'sendControl', peer, bytes });
    this.#stopped = true;
  }
}
