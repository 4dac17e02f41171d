/**
 * Claims of this node and the members: which of them count, and what the operator is told of those that do not. Who owns what
 * follows in `ownership.ts`, of which this part knows which nodes' claims may count otherwise than before.
 */
import type { Cidr } from '../../common/address/cidr.js';
import type { NodeId } from '../../common/node-id.js';
import { subjectOf } from '../notices.js';
import type { Notices } from '../notices.js';
import { isUsable } from '../peer/link.js';
import type { Peer } from '../peer/peer.js';
import type { Advert } from '../wire/advert.js';
import type { Authority } from './authority.js';
import type { Membership } from './membership.js';
import { Ownership } from './ownership.js';
import type { Standing } from './ownership.js';
import type { SelfAdvert } from './self-advert.js';
import type { Witness } from './witness.js';

export interface ClaimsDeps {
  readonly ownId: NodeId;
  readonly self: SelfAdvert;
  readonly members: Membership;
  readonly peers: ReadonlyMap<NodeId, Peer>;
  readonly witness: Witness;
  readonly authority: Authority;
  readonly notices: Notices;
  /** Whether a handshake with it has ever succeeded, also when it has no peer now. */
  readonly isProven: (id: NodeId) => boolean;
  /** A member claims addresses outside the cluster CIDRs. */
  claimedOutside(name: string, nowMs: number): void;
  /** Makes a link to a node, if there is none and it is a member. */
  open(id: NodeId, nowMs: number): void;
}

export class Claims {
  readonly ownership: Ownership;
  readonly #deps: ClaimsDeps;
  /** Nodes whose claims may count otherwise than before. Bounded by the members and those that were. */
  #dirty = new Set<NodeId>();

  constructor(deps: ClaimsDeps, clusterCidrs: readonly Cidr[]) {
    this.#deps = deps;
    this.ownership = new Ownership(deps.ownId, clusterCidrs);
  }

  changed(owner: NodeId): void {
    this.#dirty.add(owner);
  }

  allChanged(): void {
    this.#dirty.add(this.#deps.ownId);
    for (const id of this.#deps.members.ids()) this.#dirty.add(id);
  }

  /** Brings the ownership table in line with what changed; true when it changed too. */
  update(nowMs: number): boolean {
    if (this.#dirty.size === 0) return false;
    const advertOf = (id: NodeId): Advert | undefined => this.#advertOf(id);
    const owners = this.#dirty;
    this.#dirty = new Set();
    return this.ownership.update(owners, advertOf, (advert) => this.#standingOf(advert, nowMs));
  }

  /** The same, and tells of claims that do not count. */
  updateAndTell(nowMs: number): boolean {
    if (this.#dirty.size === 0) return false;
    const hasChanged = this.update(nowMs);
    const deps = this.#deps;
    const { notices } = deps;
    const { lost, outside } = this.ownership.refused;
    for (const { claim, winner } of lost) {
      // A dead node's claim gives way without an alarm.
      if (!claim.isAlive) continue;
      // Without a link nobody knows whether a node is alive, which decides a conflict.
      for (const id of [claim.owner, winner]) deps.open(id, nowMs);
      const names = { winnerName: this.#nameOf(winner), loserName: this.#nameOf(claim.owner) };
      const fields = { cidr: claim.cidr, winner, loser: claim.owner, ...names };
      const message = 'two nodes claim the same pod addresses; change the pod CIDR of the loser';
      // The loser is told of also where nobody knows the winner.
      const met = this.#ifMet(winner, claim.owner) ?? this.#ifMet(claim.owner);
      notices.write('error', message, nowMs, subjectOf(`${claim.cidr}${claim.owner}`, met), fields);
    }
    for (const { cidr, owner } of outside) {
      deps.claimedOutside(this.#nameOf(owner), nowMs);
      const fields = { cidr, owner, name: this.#nameOf(owner) };
      const message = 'a pod CIDR outside the cluster CIDRs is ignored; compare the cluster CIDRs of both nodes';
      notices.write('warn', message, nowMs, subjectOf(`${cidr}${owner}`, this.#ifMet(owner)), fields);
    }
    return hasChanged;
  }

  #advertOf(id: NodeId): Advert | undefined {
    return id === this.#deps.ownId ? this.#deps.self.current : this.#deps.members.get(id);
  }

  #nameOf(id: NodeId): string {
    return this.#advertOf(id)?.name ?? id;
  }

  /** Whom a notice is of, if this node has met them all. */
  #ifMet(...ids: readonly NodeId[]): string | null {
    const { ownId, isProven } = this.#deps;
    return ids.every((id) => id === ownId || isProven(id)) ? ids.join() : null;
  }

  #standingOf(advert: Advert, nowMs: number): Standing {
    const { ownId, peers, witness, authority } = this.#deps;
    const claimsSinceMs = (): number => witness.claimsSinceMs(advert);
    if (advert.id === ownId) return { hasLeft: false, isAlive: true, claimsSinceMs, covers: null };
    const peer = peers.get(advert.id);
    const isAlive = peer === undefined || isUsable(peer.link);
    const covers = authority.isNeeded ? (cidr: Cidr) => this.#covers(advert, cidr, isAlive, nowMs) : null;
    return { hasLeft: peer?.hasLeft === true, isAlive, claimsSinceMs, covers };
  }

  #covers(advert: Advert, cidr: Cidr, isAlive: boolean, nowMs: number): boolean {
    // A node without a link is asked about when it has one.
    const { authority, notices } = this.#deps;
    if (authority.covers(advert, cidr, isAlive, nowMs)) return true;
    if (!isAlive || authority.standingOf(advert, nowMs) !== 'named') return false;
    const fields = { cidr, node: advert.id, name: advert.name };
    const message = 'a node claims pod addresses that the authority (Kubernetes) does not give it; the claim is void';
    notices.write('warn', message, nowMs, subjectOf(`${cidr}${advert.id}`, this.#ifMet(advert.id)), fields);
    return false;
  }
}
