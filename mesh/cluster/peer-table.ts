/**
 * Table of the members, of their peers, and the ownership table that follows from the adverts. Every advert is learned here.
 *
 * A member is its advert. It has a {@link Peer} while there is a link, a dial or something known against it, and as long as this
 * node knows an address of it that is not in the advert; so what is done for each peer grows with the links, not with the members.
 */
import type { Cidr } from '../../common/address/cidr.js';
import type { NodeId } from '../../common/node-id.js';
import { sameSocketAddress } from '../../common/address/socket-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import type { Advert } from '../wire/advert.js';
import { Claims } from './claims.js';
import type { Counters } from '../counters.js';
import type { Conduct } from './conduct.js';
import { ADVERT_BURST, ADVERTS_PER_SECOND, FORGET_AFTER_MS, FORGET_UNPROVEN_AFTER_MS, MAX_MEMBERS } from '../limits.js';
import { RateLimiter } from '../rate-limiter.js';
import type { Authority } from './authority.js';
import { Deadlines, earlier } from '../deadlines.js';
import { Introductions } from './introductions.js';
import { cachedLink, connectingLink, idleLink, isUsable, linkReason } from '../peer/link.js';
import type { Link } from '../peer/link.js';
import { Membership } from './membership.js';
import type { LearnResult } from './membership.js';
import type { MeshEffect } from '../mesh-io.js';
import { subjectOf } from '../notices.js';
import type { Notices } from '../notices.js';
import { Names } from './names.js';
import { Neighbourhood } from './neighbourhood.js';
import type { Ownership } from './ownership.js';
import type { Witness } from './witness.js';
import { Peer } from '../peer/peer.js';
import type { PeerDeps } from '../peer/peer-deps.js';
import type { SelfAdvert } from './self-advert.js';
import { SurplusLinks } from './surplus-links.js';
import { Touches } from './touches.js';

export interface PeerTableDeps {
  readonly self: SelfAdvert;
  readonly clusterCidrs: readonly Cidr[];
  readonly peer: Omit<PeerDeps<Peer>, 'linkChanged'>;
  readonly counters: Counters;
  readonly conduct: Conduct;
  readonly notices: Notices;
  readonly witness: Witness;
  readonly authority: Authority;
  /** Whether the node may be no member: an operator or the authority says so. */
  isRevoked(id: NodeId): boolean;
  /** Whether a router was ever connected; before that, all members are remembered from an earlier process. */
  hasStarted(): boolean;
  /** A member claims addresses outside the cluster CIDRs. */
  claimedOutside(name: string, nowMs: number): void;
  linkChanged(peer: Peer, before: Link, nowMs: number): void;
  /** A member has a new advert. */
  advertLearned(advert: Advert, nowMs: number): void;
  /** Sends a new advert to other members; `from` is the node that passed it on. */
  broadcastAdvert(advert: Advert, from: NodeId | null): void;
  /** Compares adverts with a peer whose link came up. */
  compareAdverts(peer: NodeId, nowMs: number): void;
  /** Does what is due for a peer that changed, and schedules its next deadline. */
  advancePeer(peer: Peer, nowMs: number): void;
  /** A link or a path may have changed. */
  considerRelays(peer: Peer, nowMs: number): void;
  /** The peer is gone. */
  forgotten(id: NodeId, nowMs: number): void;
}

const NOTHING: readonly MeshEffect[] = [];

export class PeerTable {
  readonly members: Membership;
  readonly #deps: PeerTableDeps;
  /** One object for all peers. */
  readonly #peerDeps: PeerDeps<Peer>;
  readonly #ownId: NodeId;
  readonly #claims: Claims;
  /** Of members, and of nodes whose sessions were found in the router. Bounded by MAX_MEMBERS and the router's slots. */
  readonly #peers = new Map<NodeId, Peer>();
  /** When each peer has something to do. */
  readonly #deadlines = new Deadlines<Peer>();
  readonly neighbourhood: Neighbourhood;
  readonly #names = new Names();
  readonly #introductions = new Introductions();
  readonly #touches = new Touches();
  readonly #surplus = new SurplusLinks();
  readonly #advertRate = new RateLimiter<NodeId>({
    burst: () => Math.max(ADVERT_BURST, this.members.size),
    perSecond: ADVERTS_PER_SECOND,
    maxKeys: MAX_MEMBERS,
  });
  #routesDirty = false;
  #advertsDirty = false;

  constructor(deps: PeerTableDeps) {
    this.#deps = deps;
    this.#peerDeps = { ...deps.peer, linkChanged: (peer, before, nowMs) => this.#linkChanged(peer, before, nowMs) };
    this.#ownId = deps.peer.ownId;
    this.members = new Membership(this.#ownId, (id) => deps.isRevoked(id));
    this.#claims = this.#makeClaims();
    this.neighbourhood = new Neighbourhood({
      ownId: this.#ownId,
      members: this.members,
      peers: this.#peers,
      memberPeer: (id, nowMs) => this.#memberPeer(id, nowMs),
      random: deps.peer.random,
      advancePeer: (peer, nowMs) => deps.advancePeer(peer, nowMs),
    });
  }

  #makeClaims(): Claims {
    const { self, clusterCidrs, witness, authority, notices } = this.#deps;
    const parts = { self, witness, authority, notices, members: this.members, peers: this.#peers };
    const claimedOutside = (name: string, nowMs: number): void => this.#deps.claimedOutside(name, nowMs);
    const open = (id: NodeId, nowMs: number): void => this.open(id, nowMs);
    const isProven = (id: NodeId): boolean => this.#isProven(id);
    return new Claims({ ownId: this.#ownId, ...parts, isProven, claimedOutside, open }, clusterCidrs);
  }

  get peers(): ReadonlyMap<NodeId, Peer> {
    return this.#peers;
  }

  get ownership(): Ownership {
    return this.#claims.ownership;
  }

  /** Ids of the peers that control messages reach. */
  linked(): NodeId[] {
    return [...this.#peers.values()].filter((peer) => peer.isLinked).map(({ id }) => id);
  }

  /** Members whose link is not down. */
  *living(): Generator<Advert> {
    for (const advert of this.members.all()) if (this.#peers.get(advert.id)?.link.state !== 'down') yield advert;
  }

  /** The same of this name. */
  livingNamed(name: string): Advert[] {
    const adverts = this.#names.idsOf(name).map((id) => this.members.get(id)!);
    return adverts.filter(({ id }) => this.#peers.get(id)?.link.state !== 'down');
  }

  linkedAt(address: SocketAddress): NodeId | null {
    for (const { isLinked, path, id } of this.#peers.values()) {
      if (isLinked && path.endpoint !== null && sameSocketAddress(path.endpoint, address)) return id;
    }
    return null;
  }

  /** A member that gives this address as its own; null while this node is linked to no neighbour. */
  memberAt(address: SocketAddress): NodeId | null {
    if (!this.neighbourhood.hasLink) return null;
    for (const { id, endpoints } of this.members.all()) {
      if (endpoints.some((endpoint) => sameSocketAddress(endpoint, address))) return id;
    }
    return null;
  }

  /** This node's own advert first. */
  *adverts(): Generator<Advert> {
    yield this.#deps.self.current;
    yield* this.members.all();
  }

  /**
   * Learns the adverts of members that were known before this node's restart. Those that had left are dialled as before: when a whole
   * cluster was shut down, the one that has kept its address may be among them.
   */
  recall(adverts: readonly Uint8Array[], left: readonly NodeId[]): void {
    for (const bytes of adverts) {
      const result = this.members.learnEncoded(bytes);
      if (result.type === 'new') this.#member(result.advert, result.before, 0);
      else this.#applyLearned(result, null, 0);
    }
    if (this.members.size > 0) this.#deps.conduct.remembered();
    for (const id of left) if (this.members.get(id) !== undefined) this.#memberPeer(id, 0).goodbyeReceived(0);
    this.neighbourhood.update((nowMs) => this.#firstLink(nowMs), 0);
    this.#claims.allChanged();
    this.#claims.update(0);
    // The first flush tells of claims that do not count.
    this.#claims.allChanged();
  }

  /** Members that said goodbye and have not come back. */
  left(): NodeId[] {
    return [...this.#peers.values()]
      .filter(({ id, hasLeft }) => hasLeft && this.members.get(id) !== undefined)
      .map(({ id }) => id);
  }

  /** The adverts without those of nodes that said goodbye: what is passed on. */
  *currentAdverts(): Generator<Advert> {
    for (const advert of this.adverts()) if (this.#peers.get(advert.id)?.hasLeft !== true) yield advert;
  }

  /** Learns encoded adverts. @param from the node that passed them on */
  learnEncodedAdverts(encoded: readonly Uint8Array[], from: NodeId, nowMs: number): void {
    const allowed = this.#advertRate.takeUpTo(encoded.length, from, nowMs);
    for (let i = allowed; i < encoded.length; i++) this.#deps.conduct.refused(from, 'advertTooOften', nowMs);
    const admits = (): boolean => this.#introductions.hasRoom(from, this.members.size);
    for (let i = 0; i < allowed; i++) this.#learnEncoded(encoded[i]!, admits, from, nowMs);
  }

  #learnEncoded(bytes: Uint8Array, admits: () => boolean, from: NodeId, nowMs: number): void {
    const result = this.members.learnEncoded(bytes, admits);
    const advert = this.#applyLearned(result, from, nowMs);
    if (advert === null) return;
    if (from !== advert.id && !this.#isProven(advert.id)) {
      this.#introductions.add(advert.id, from);
      if (result.type === 'new' && result.before === null) this.#deps.conduct.introduced(from, nowMs);
    }
    const peer = this.#peers.get(advert.id);
    if (peer !== undefined) this.#deps.advancePeer(peer, nowMs);
  }

  /**
   * Learns the advert of a finished handshake. The peer, or null for this node's own id and beyond MAX_MEMBERS. The caller
   * advances the peer when it has the session: before, the peer would dial for one.
   */
  learnHandshakeAdvert(advert: Advert, nowMs: number): Peer | null {
    if (advert.id === this.#ownId) {
      this.#noticeClone(nowMs);
      return null;
    }
    this.#applyLearned(this.members.learn(advert), advert.id, nowMs);
    this.#introductions.settle(advert.id);
    return this.peerOf(advert.id, nowMs);
  }

  /** The peer of a member, made when there is none, or null for a node that is none. */
  peerOf(id: NodeId, nowMs: number): Peer | null {
    return this.members.get(id) === undefined ? (this.#peers.get(id) ?? null) : this.#memberPeer(id, nowMs);
  }

  /** The peer of a node whose session was found in the router; one that is no member has no advert. */
  peerInRouter(id: NodeId, nowMs: number): Peer {
    return this.peerOf(id, nowMs) ?? this.#addPeer(id, this.#firstLink(nowMs), nowMs);
  }

  /** Has a link when it is a neighbour or one is wanted. */
  #memberPeer(id: NodeId, nowMs: number): Peer {
    const known = this.#peers.get(id);
    if (known !== undefined) return known;
    const peer = this.#addPeer(id, idleLink(nowMs), nowMs);
    peer.learnAdvert(this.members.get(id)!, nowMs);
    return peer;
  }

  /** Notes an advert that is new: of a member, or of a node that becomes one. */
  #member(advert: Advert, before: Advert | null, nowMs: number): void {
    if (before === null) this.neighbourhood.add(advert.id);
    if (before !== null && before.name !== advert.name) this.#names.delete(before.name, before.id);
    if (before?.name !== advert.name) this.#names.add(advert.name, advert.id);
    this.#peers.get(advert.id)?.learnAdvert(advert, nowMs);
  }

  /** Whether a handshake with it has ever succeeded. */
  #isProven(id: NodeId): boolean {
    return this.#peers.get(id)?.isProven ?? this.#deps.peer.hasMet(id);
  }

  /** What the authority said of a node. */
  authorityAnswered(id: NodeId, nowMs: number): void {
    if (this.#deps.isRevoked(id)) this.expel(id, nowMs);
    else this.members.pardon(id);
    const peer = this.#peers.get(id);
    peer?.redial(nowMs);
    if (peer !== undefined) this.schedule(peer, nowMs);
    this.#claims.changed(id);
  }

  /** The node was revoked: its sessions, its advert and its claims go. */
  expel(id: NodeId, nowMs: number): void {
    const peer = this.#peers.get(id);
    if (peer !== undefined) this.#forget(peer, nowMs);
    else if (this.members.get(id) !== undefined) this.#forgetMember(id);
  }

  useClusterCidrs(cidrs: readonly Cidr[]): void {
    this.#claims.ownership.useClusterCidrs(cidrs);
    this.#claims.allChanged();
  }

  /** This node signed a new advert. */
  selfChanged(): void {
    this.#deps.broadcastAdvert(this.#deps.self.current, null);
    this.#claims.changed(this.#ownId);
    this.#advertsDirty = true;
  }

  /** The stamps of initiations changed, which are kept with the adverts. */
  stampsChanged(): void {
    this.#advertsDirty = true;
  }

  /** Does what is due for this peer. */
  advancePeer(peer: Peer, nowMs: number): void {
    peer.advance(nowMs);
    this.#deps.considerRelays(peer, nowMs);
    if (forgetAt(peer) <= nowMs) this.#forget(peer, nowMs);
    else if (peer.isBlank && this.members.get(peer.id) !== undefined) this.#drop(peer);
    else this.schedule(peer, nowMs);
  }

  /** Notes when a peer that changed has something to do. */
  schedule(peer: Peer, nowMs: number): void {
    this.#deadlines.set(peer.deadline, Math.min(peer.pollAt(nowMs), forgetAt(peer)));
  }

  /** All peers changed. */
  scheduleAll(nowMs: number): void {
    for (const peer of this.#peers.values()) this.schedule(peer, nowMs);
  }

  /** Does what is due for all peers. */
  advance(nowMs: number): void {
    for (const peer of this.#deadlines.takeDue(nowMs)) this.advancePeer(peer, nowMs);
    if (this.#touches.take(nowMs)) for (const peer of this.#peers.values()) peer.touchIfQuiet(nowMs);
    for (const peer of this.#surplus.take(this.#peers)) {
      peer.close(nowMs);
      this.schedule(peer, nowMs);
    }
    this.neighbourhood.advance(nowMs);
  }

  /** When {@link advance} has something to do next, or null. */
  pollAt(): number | null {
    return earlier(earlier(this.#deadlines.nextMs(), this.neighbourhood.pollAt()), this.#touches.pollAt());
  }

  /** This node has another address, which peers on quiet links learn from a probe. */
  touchQuiet(nowMs: number): void {
    this.#touches.want(nowMs);
  }

  /** A router has connected, which needs all routes. */
  routesWanted(): void {
    this.#routesDirty = true;
  }

  /** The effects of the changes since the last call. */
  flush(nowMs: number): readonly MeshEffect[] {
    this.neighbourhood.update((atMs) => this.#firstLink(atMs), nowMs);
    if (this.#claims.updateAndTell(nowMs)) this.#routesDirty = true;
    if (!this.#routesDirty && !this.#advertsDirty) return NOTHING;
    const effects: MeshEffect[] = [];
    if (this.#routesDirty) effects.push({ type: 'routesChanged' });
    if (this.#advertsDirty) effects.push({ type: 'advertsChanged' });
    this.#routesDirty = this.#advertsDirty = false;
    return effects;
  }

  /** The advert when it is new, or null. The caller advances its peer. */
  #applyLearned(result: LearnResult, from: NodeId | null, nowMs: number): Advert | null {
    switch (result.type) {
      case 'new':
        return this.#storeAdvert(result.advert, result.before, from, nowMs);
      case 'invalid':
        this.#deps.counters.count('invalidAdvert');
        return null;
      case 'badSignature':
        if (from !== null) this.#deps.conduct.refused(from, 'invalidAdvert', nowMs);
        return null;
      case 'full':
        this.#deps.counters.count('tooManyMembers');
        return null;
      case 'revoked':
        this.#deps.counters.count('revokedNode');
        return null;
      case 'notAdmitted':
        if (from !== null) this.#deps.conduct.refused(from, 'tooManyUnproven', nowMs);
        return null;
      case 'self':
        if (this.#deps.self.supersede(result.advert)) this.#noticeClone(nowMs);
        return null;
      case 'old':
        return null;
    }
  }

  #storeAdvert(advert: Advert, before: Advert | null, from: NodeId | null, nowMs: number): Advert {
    this.#member(advert, before, nowMs);
    this.#deps.advertLearned(advert, nowMs);
    this.#deps.broadcastAdvert(advert, from);
    this.#advertsDirty = true;
    if (before === null) this.#deps.witness.heard(advert.id, nowMs);
    if (before === null) this.#openToNamesakes(advert, nowMs);
    if (before === null || claimsDiffer(before, advert)) this.#claims.changed(advert.id);
    return advert;
  }

  #firstLink(nowMs: number): Link {
    return this.#deps.hasStarted() ? connectingLink(nowMs) : cachedLink(nowMs);
  }

  #addPeer(id: NodeId, link: Link, nowMs: number): Peer {
    const peer = new Peer(this.#peerDeps, id, link, nowMs);
    this.#peers.set(id, peer);
    this.schedule(peer, nowMs);
    return peer;
  }

  #linkChanged(peer: Peer, before: Link, nowMs: number): void {
    const { link, id } = peer;
    if (isUsable(link) !== isUsable(before)) {
      this.#routesDirty = true;
      this.#claims.changed(id);
    }
    if ((link.state === 'down') !== (before.state === 'down')) this.neighbourhood.changed(id);
    if (peer.hasLeft) this.#advertsDirty = true;
    this.#deps.linkChanged(peer, before, nowMs);
    const fields = { peer: id, name: peer.advert?.name ?? '', reason: linkReason(link) };
    if (link.state === 'up') {
      this.#surplus.grew();
      this.#forgetNamesakes(peer, nowMs);
      if (this.neighbourhood.compares(peer)) this.#deps.compareAdverts(id, nowMs);
      this.#deps.notices.write('info', 'link is up', nowMs, id, fields);
    } else if (link.state === 'down') {
      this.#deps.notices.write('warn', 'link is down', nowMs, subjectOf(id, peer.isProven ? id : null), fields);
    }
  }

  #forget(peer: Peer, nowMs: number): void {
    peer.dispose(nowMs);
    this.#drop(peer);
    this.#forgetMember(peer.id);
    this.#deps.forgotten(peer.id, nowMs);
  }

  #drop(peer: Peer): void {
    this.#peers.delete(peer.id);
    this.#deadlines.delete(peer.deadline);
  }

  #forgetMember(id: NodeId): void {
    const advert = this.members.get(id);
    this.#introductions.settle(id);
    this.neighbourhood.remove(id);
    if (advert !== undefined) this.#names.delete(advert.name, id);
    this.members.forget(id);
    this.#claims.changed(id);
    this.#advertsDirty = true;
  }

  /** A member of the same name is probably gone: a link to it shows that. */
  #openToNamesakes({ id, name }: Advert, nowMs: number): void {
    if (!this.#deps.hasStarted()) return;
    for (const other of this.#names.idsOf(name)) if (other !== id) this.open(other, nowMs);
  }

  /** Makes a link to a member that has none and that nothing is known against. */
  open(id: NodeId, nowMs: number, untilMs?: number): void {
    const peer = this.peerOf(id, nowMs);
    if (peer?.link.state !== 'idle') return;
    peer.open(nowMs, untilMs);
    this.#deps.advancePeer(peer, nowMs);
  }

  /** The node was installed anew: it has the name of a member that is gone, and another key. */
  #forgetNamesakes(peer: Peer, nowMs: number): void {
    if (peer.advert === null) return;
    for (const id of this.#names.idsOf(peer.advert.name)) {
      const other = this.#peers.get(id);
      if (other !== undefined && other !== peer && other.link.state === 'down') this.#forget(other, nowMs);
    }
  }

  #noticeClone(nowMs: number): void {
    const message = 'cloned identity: another node uses the key of this one; delete the key file on one of them';
    this.#deps.notices.write('error', message, nowMs, '', { id: this.#ownId });
    // Peers may have replaced their sessions with this node by some with the other one: the next frame makes a link anew.
    for (const peer of this.#peers.values()) {
      peer.closeIfQuiet(nowMs);
      this.schedule(peer, nowMs);
    }
  }
}

/** When the peer is forgotten if it stays as it is; Infinity while its link is not down. */
function forgetAt({ link, advert, advertAtMs, isProven, isReported }: Peer): number {
  if (link.state !== 'down') return Infinity;
  if (advert === null) return link.sinceMs;
  return isProven || isReported
    ? Math.max(link.sinceMs, advertAtMs) + FORGET_AFTER_MS
    : link.sinceMs + FORGET_UNPROVEN_AFTER_MS;
}

function claimsDiffer(a: Advert, b: Advert): boolean {
  return a.name !== b.name || a.createdAtMs !== b.createdAtMs || a.podCidrs.join() !== b.podCidrs.join();
}
