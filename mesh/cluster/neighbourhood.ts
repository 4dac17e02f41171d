/**
 * Neighbourhood of this node: which peers are its neighbours, computed anew when the members change or one goes down. They are
 * those next to it on the rings of all members, dead ones included, so that the parts of a divided cluster find each other again;
 * and those next to it on the rings without the members that it found down, so that dead and invented members use up no place.
 *
 * While it is linked to no neighbour it links to members at random, a few a second: the neighbours may be gone, or have other
 * addresses than it knows.
 */
import type { NodeId } from '../../common/node-id.js';
import {
  FEW_NEIGHBOURS,
  GROWING_SHARE,
  LONELY_DIALS,
  LONELY_INTERVAL_MS,
  MAX_GROWTHS,
  NEIGHBOURS,
  NEIGHBOURS_INTERVAL_MS,
  NEIGHBOURS_INTERVAL_PER_MEMBER_MS,
} from '../limits.js';
import type { RandomSource } from '../mesh-io.js';
import type { Link } from '../peer/link.js';
import type { Peer } from '../peer/peer.js';
import type { Membership } from './membership.js';
import { neighboursAmong, RingNeighbours } from './rings.js';
import { sample } from './sample.js';

export interface NeighbourhoodDeps {
  readonly ownId: NodeId;
  readonly members: Membership;
  /** Of the members with a link, or with something known against them. */
  readonly peers: ReadonlyMap<NodeId, Peer>;
  /** The peer of a member, made when there is none. */
  memberPeer(id: NodeId, nowMs: number): Peer;
  readonly random: RandomSource;
  /** Does what is due for a peer that changed, and schedules its next deadline. */
  advancePeer(peer: Peer, nowMs: number): void;
}

export class Neighbourhood {
  readonly #deps: NeighbourhoodDeps;
  /** Next to this node on the rings of all members. */
  readonly #nextOfAll: RingNeighbours;
  /** The same without the members that are down; null while none is. */
  #nextOfLiving: RingNeighbours | null = null;
  /** Members that are down. Bounded by MAX_MEMBERS, as `#newMembers`. */
  readonly #down = new Set<NodeId>();
  /** Those since the last {@link update} that may have become neighbours when they came. */
  readonly #newMembers = new Set<NodeId>();
  /** What was last asked of another member, until a member changes. */
  #asked: { readonly id: NodeId; readonly neighbours: ReadonlySet<NodeId> } | null = null;
  #neighbours: ReadonlySet<NodeId> = new Set();
  /** A neighbour that was linked when that was last asked, so that the next answer needs no look-up. */
  #lastLinked: Peer | null = null;
  #isDirty = false;
  /** Whether {@link update} had to wait. */
  #isPutOff = false;
  #nextUpdateMs = -Infinity;
  /** How often in a row {@link update} had to wait since many members were new, and how many there were when it last looked. */
  #growths = 0;
  #sizeBefore = 0;
  #nextTryMs = 0;

  constructor(deps: NeighbourhoodDeps) {
    this.#deps = deps;
    this.#nextOfAll = new RingNeighbours(deps.ownId);
  }

  /** This node's neighbours. */
  get ids(): ReadonlySet<NodeId> {
    return this.#neighbours;
  }

  /** Whether this node is linked to a neighbour. Asked with every event: any one that is linked will do. */
  get hasLink(): boolean {
    if (this.#lastLinked !== null && this.#lastLinked.isNeighbour && this.#lastLinked.isLinked) return true;
    for (const id of this.#neighbours) {
      this.#lastLinked = this.#deps.peers.get(id) ?? null;
      if (this.#lastLinked?.isLinked === true) return true;
    }
    return false;
  }

  /** The neighbours of any other member, as far as this node can tell; takes time in proportion to the members. */
  neighboursOf(id: NodeId): ReadonlySet<NodeId> {
    if (this.#asked?.id === id) return this.#asked.neighbours;
    const ofAll = neighboursAmong(id, () => this.#withOwn(this.#deps.members.ids()));
    const ofLiving = this.#down.size === 0 ? ofAll : neighboursAmong(id, () => this.#withOwn(this.#living()));
    const neighbours = new Set([...ofAll, ...ofLiving]);
    this.#asked = { id, neighbours };
    return neighbours;
  }

  /** A node that was no member. */
  add(member: NodeId): void {
    const isNext = this.#nextOfAll.add(member);
    const isNextLiving = this.#nextOfLiving?.add(member) ?? false;
    this.#note(isNext || isNextLiving);
    if (isNext || isNextLiving) this.#newMembers.add(member);
    if (this.#isDown(member)) this.#wentDown(member);
  }

  /** A member went down, or came back. */
  changed(member: NodeId): void {
    if (this.#deps.members.get(member) === undefined || this.#isDown(member) === this.#down.has(member)) return;
    if (this.#down.has(member)) this.#cameBack(member);
    else this.#wentDown(member);
  }

  /** Before the node is no member any more. */
  remove(member: NodeId): void {
    if (this.#deps.members.get(member) === undefined) return;
    this.#newMembers.delete(member);
    if (this.#down.has(member)) this.#cameBack(member);
    this.#note(this.#nextOfAll.remove(member));
    if (this.#nextOfLiving !== null) this.#note(this.#nextOfLiving.remove(member));
  }

  #wentDown(member: NodeId): void {
    this.#down.add(member);
    this.#nextOfLiving ??= this.#nextOfAll.copy();
    this.#note(this.#nextOfLiving.remove(member));
  }

  #cameBack(member: NodeId): void {
    this.#down.delete(member);
    this.#note(this.#nextOfLiving!.add(member));
    if (this.#down.size === 0) this.#nextOfLiving = null;
  }

  /**
   * Brings the peers in line with the members, seldom while there is a link to a neighbour: when many
   * nodes start, most of those that are neighbours for a moment never get a link.
   * @param firstLink the link with which a new member that is a neighbour begins
   */
  update(firstLink: (nowMs: number) => Link, nowMs: number): void {
    this.#isPutOff = this.#isDirty && this.hasLink && this.#mustWait(nowMs);
    if (!this.#isDirty || this.#isPutOff) return;
    this.#isDirty = false;
    this.#growths = 0;
    this.#planUpdate(nowMs);
    const { peers, members } = this.#deps;
    const ofAll = this.#nextOfAll.ids(() => members.ids());
    const ofLiving = this.#nextOfLiving?.ids(() => this.#living()) ?? [];
    const neighbours = new Set([...ofAll, ...ofLiving]);
    const changed = [...neighbours, ...this.#neighbours].filter(
      (id) => neighbours.has(id) !== this.#neighbours.has(id),
    );
    this.#neighbours = neighbours;
    for (const id of changed) {
      const peer = neighbours.has(id) ? this.#deps.memberPeer(id, nowMs) : peers.get(id);
      if (peer === undefined) continue;
      const link = this.#newMembers.has(id) ? firstLink(nowMs) : null;
      peer.setNeighbour(neighbours.has(id), link, nowMs);
      this.#deps.advancePeer(peer, nowMs);
    }
    this.#newMembers.clear();
  }

  /** While many members are new, the neighbours would soon be others again: the time between two updates goes by once more. */
  #mustWait(nowMs: number): boolean {
    if (nowMs < this.#nextUpdateMs) return true;
    const { size } = this.#deps.members;
    const isGrowing = size > NEIGHBOURS && size - this.#sizeBefore > size * GROWING_SHARE;
    if (!isGrowing || this.#growths === MAX_GROWTHS) return false;
    this.#growths++;
    this.#planUpdate(nowMs);
    return true;
  }

  #planUpdate(nowMs: number): void {
    this.#sizeBefore = this.#deps.members.size;
    this.#nextUpdateMs = nowMs + NEIGHBOURS_INTERVAL_MS + this.#sizeBefore * NEIGHBOURS_INTERVAL_PER_MEMBER_MS;
  }

  /**
   * Ids of the peers to gossip with: the linked neighbours. Any linked peers while there is no such neighbour, or the neighbours are
   * yet to be found among many new members; while there are few, also those next to this node on the rings of the linked peers:
   * dead or invented members have taken the places of neighbours.
   */
  linked(): NodeId[] {
    const linked = this.#growths > 0 ? [] : this.#linkedNeighbours();
    if (linked.length >= FEW_NEIGHBOURS) return linked;
    const all = Array.from(this.#deps.peers.values())
      .filter((peer) => peer.isLinked)
      .map(({ id }) => id);
    if (linked.length === 0 || all.length === linked.length) return all;
    return [...new Set([...linked, ...neighboursAmong(this.#deps.ownId, () => all)])];
  }

  /** Whether adverts are compared with a peer whose link came up. */
  compares(peer: Peer): boolean {
    return peer.isNeighbour || this.#growths > 0 || !this.hasLink;
  }

  /** Links to some members while this node has no link to a neighbour. */
  advance(nowMs: number): void {
    if (nowMs < this.#nextTryMs || !this.#isLonely()) return;
    this.#nextTryMs = nowMs + LONELY_INTERVAL_MS;
    const { members, peers, random } = this.#deps;
    const isCandidate = (id: NodeId): boolean => {
      const peer = peers.get(id);
      return peer === undefined || peer.link.state === 'idle' || peer.hasLeft;
    };
    for (const id of sample(Array.from(members.ids()).filter(isCandidate), LONELY_DIALS, random)) {
      const peer = this.#deps.memberPeer(id, nowMs);
      if (peer.hasLeft) peer.close(nowMs);
      peer.open(nowMs);
      this.#deps.advancePeer(peer, nowMs);
    }
  }

  /** When {@link advance} has something to do. */
  pollAt(): number | null {
    if (this.#isLonely()) return this.#nextTryMs;
    return this.#isPutOff ? this.#nextUpdateMs : null;
  }

  #isDown(id: NodeId): boolean {
    return this.#deps.peers.get(id)?.link.state === 'down';
  }

  /** @param hasChanged whether this node may have other neighbours */
  #note(hasChanged: boolean): void {
    this.#isDirty ||= hasChanged;
    this.#asked = null;
  }

  /** Members that are not down. */
  *#living(): Generator<NodeId> {
    for (const id of this.#deps.members.ids()) if (!this.#down.has(id)) yield id;
  }

  *#withOwn(ids: Iterable<NodeId>): Generator<NodeId> {
    yield this.#deps.ownId;
    yield* ids;
  }

  #linkedNeighbours(): NodeId[] {
    return [...this.#neighbours].filter((id) => this.#isLinked(id));
  }

  #isLinked(id: NodeId): boolean {
    return this.#deps.peers.get(id)?.isLinked === true;
  }

  /** Not in a cluster of few members, all of which are neighbours. */
  #isLonely(): boolean {
    return this.#deps.members.size > this.#neighbours.size && !this.hasLink;
  }
}
