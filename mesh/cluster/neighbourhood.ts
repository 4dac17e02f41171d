/**
 * Neighbourhood of this node: which peers are its neighbours, computed anew when the members change or one goes down. They are
 * those next to it on the rings of all members, dead ones included, so that the parts of a divided cluster find each other again;
 * and those next to it on the rings without the members that it found down, so that dead and invented members use up no place.
 *
 * While it is linked to no neighbour it links to members at random, a few a second: the neighbours may be gone, or have other
 * addresses than it knows.
 */
import type { NodeId } from '../../common/node-id.js';
import { LONELY_DIALS, LONELY_INTERVAL_MS } from '../limits.js';
import type { RandomSource } from '../mesh-io.js';
import type { Link } from '../peer/link.js';
import type { Peer } from '../peer/peer.js';
import { Rings } from './rings.js';
import { sample } from './sample.js';

export interface NeighbourhoodDeps {
  readonly ownId: NodeId;
  readonly peers: ReadonlyMap<NodeId, Peer>;
  readonly random: RandomSource;
  /** Does what is due for a peer that changed, and schedules its next deadline. */
  advancePeer(peer: Peer, nowMs: number): void;
}

export class Neighbourhood {
  readonly #deps: NeighbourhoodDeps;
  readonly #rings = new Rings();
  /** Members since the last {@link update}. Bounded by MAX_MEMBERS. */
  readonly #newMembers = new Set<NodeId>();
  #neighbours: ReadonlySet<NodeId> = new Set();
  #isDirty = false;
  #nextTryMs = 0;

  constructor(deps: NeighbourhoodDeps) {
    this.#deps = deps;
    this.#rings.add(deps.ownId);
  }

  /** This node's neighbours. */
  get ids(): ReadonlySet<NodeId> {
    return this.#neighbours;
  }

  /** The neighbours of any member, as far as this node can tell. */
  neighboursOf(id: NodeId): ReadonlySet<NodeId> {
    const isThere = (other: NodeId): boolean => this.#deps.peers.get(other)?.link.state !== 'down';
    return new Set([...this.#rings.neighboursOf(id), ...this.#rings.neighboursOf(id, isThere)]);
  }

  add(member: NodeId): void {
    this.#rings.add(member);
    this.#newMembers.add(member);
    this.#isDirty = true;
  }

  /** A member went down, or came back. */
  changed(): void {
    this.#isDirty = true;
  }

  remove(member: NodeId): void {
    this.#rings.remove(member);
    this.#newMembers.delete(member);
    this.#isDirty = true;
  }

  /** Brings the peers in line with the members. @param firstLink the link with which a new member that is a neighbour begins */
  update(firstLink: (nowMs: number) => Link, nowMs: number): void {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    const { ownId, peers } = this.#deps;
    const neighbours = this.neighboursOf(ownId);
    const changed = [...neighbours, ...this.#neighbours].filter(
      (id) => neighbours.has(id) !== this.#neighbours.has(id),
    );
    this.#neighbours = neighbours;
    for (const id of changed) {
      const peer = peers.get(id);
      if (peer === undefined) continue;
      const link = this.#newMembers.has(id) ? firstLink(nowMs) : null;
      peer.setNeighbour(neighbours.has(id), link, nowMs);
      this.#deps.advancePeer(peer, nowMs);
    }
    this.#newMembers.clear();
  }

  /** Ids of the peers to gossip with: the linked neighbours, or any linked peers while there is no such neighbour. */
  linked(): NodeId[] {
    const linked = this.#linkedNeighbours();
    if (linked.length > 0) return linked;
    return Array.from(this.#deps.peers.values())
      .filter((peer) => peer.isLinked)
      .map(({ id }) => id);
  }

  /** Whether adverts are compared with a peer whose link came up. */
  compares(peer: Peer): boolean {
    return peer.isNeighbour || !this.#hasLinkedNeighbour();
  }

  /** Links to some members while this node has no link to a neighbour. */
  advance(nowMs: number): void {
    if (nowMs < this.#nextTryMs || !this.#isLonely()) return;
    this.#nextTryMs = nowMs + LONELY_INTERVAL_MS;
    const idle = Array.from(this.#deps.peers.values()).filter(({ link }) => link.state === 'idle');
    for (const peer of sample(idle, LONELY_DIALS, this.#deps.random)) {
      peer.open(nowMs);
      this.#deps.advancePeer(peer, nowMs);
    }
  }

  /** When {@link advance} has something to do. */
  pollAt(): number | null {
    return this.#isLonely() ? this.#nextTryMs : null;
  }

  #linkedNeighbours(): NodeId[] {
    return [...this.#neighbours].filter((id) => this.#isLinked(id));
  }

  /** Asked with every event: the first one that is linked will do. */
  #hasLinkedNeighbour(): boolean {
    for (const id of this.#neighbours) if (this.#isLinked(id)) return true;
    return false;
  }

  #isLinked(id: NodeId): boolean {
    return this.#deps.peers.get(id)?.isLinked === true;
  }

  /** Not in a cluster of few members, all of which are neighbours. */
  #isLonely(): boolean {
    return this.#deps.peers.size > this.#neighbours.size && !this.#hasLinkedNeighbour();
  }
}
