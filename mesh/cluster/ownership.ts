/** Ownership table in force, which follows adverts, the standing of their nodes and the cluster's CIDRs. */
import type { Cidr } from '../../common/address/cidr.js';
import type { NodeId } from '../../common/node-id.js';
import type { Advert } from '../wire/advert.js';
import type { LostClaim } from '../mesh-io.js';
import { OwnershipGroups } from './ownership-groups.js';
import type { Claim, OwnershipEntry, OwnershipTable } from './ownership-table.js';

/** What the claims of a node are worth. */
export interface Standing {
  /** It said goodbye, which withdraws its claims. */
  readonly hasLeft: boolean;
  readonly isAlive: boolean;
  readonly claimsSinceMs: number;
  /** Whether the authority gives the node these addresses. */
  readonly covers: (cidr: Cidr) => boolean;
}

export class Ownership {
  readonly #ownId: NodeId;
  readonly #groups = new OwnershipGroups();
  #clusterCidrs: readonly Cidr[];
  /** Owners with claims that the authority does not cover, or not yet. Bounded by the members. */
  readonly #uncovered = new Set<NodeId>();

  constructor(ownId: NodeId, clusterCidrs: readonly Cidr[]) {
    this.#ownId = ownId;
    this.#clusterCidrs = clusterCidrs;
  }

  get entries(): readonly OwnershipEntry[] {
    return this.#groups.entries();
  }

  /** Claims that lost against others, and claims outside the cluster's CIDRs. */
  get refused(): Pick<OwnershipTable, 'lost' | 'outside'> {
    return this.#groups.refused();
  }

  /** Takes effect with the next {@link update}. */
  useClusterCidrs(cidrs: readonly Cidr[]): void {
    this.#clusterCidrs = cidrs;
  }

  /**
   * Computes anew what the claims of these nodes concern; true when the entries changed.
   * @param advertOf of a member, or undefined for a node that is none
   */
  update(
    owners: Iterable<NodeId>,
    advertOf: (id: NodeId) => Advert | undefined,
    standing: (advert: Advert) => Standing,
  ): boolean {
    const claims = new Map<NodeId, readonly Claim[]>();
    for (const owner of new Set([...owners, ...this.#uncovered])) {
      const advert = advertOf(owner);
      claims.set(owner, advert === undefined ? [] : this.#claimsOf(advert, standing(advert)));
      if (advert === undefined) this.#uncovered.delete(owner);
    }
    return this.#groups.update(claims, this.#clusterCidrs);
  }

  lostClaims(): LostClaim[] {
    const own = this.refused.lost.filter(({ claim }) => claim.owner === this.#ownId);
    return own.map(({ claim, winner, reason }) => ({ cidr: claim.cidr, winner, reason }));
  }

  #claimsOf({ id, podCidrs }: Advert, { hasLeft, isAlive, claimsSinceMs, covers }: Standing): Claim[] {
    const covered = hasLeft ? [] : podCidrs.filter(covers);
    if (!hasLeft && covered.length < podCidrs.length) this.#uncovered.add(id);
    else this.#uncovered.delete(id);
    return covered.map((cidr) => ({ cidr, owner: id, createdAtMs: claimsSinceMs, isAlive }));
  }
}
