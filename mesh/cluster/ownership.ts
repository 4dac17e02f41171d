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
  /** Asked for claims that overlap others. */
  readonly claimsSinceMs: () => number;
  /** Whether the authority gives the node these addresses; null where there is no authority that could not. */
  readonly covers: ((cidr: Cidr) => boolean) | null;
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

  /** Whether frames to the node have a route. */
  ownsAny(node: NodeId): boolean {
    return this.#groups.ownsAny(node);
  }

  /**
   * Computes anew what the claims of these nodes concern; true when the entries changed.
   * @param advertOf of a member, or undefined for a node that is none
   */
  update(
    owners: ReadonlySet<NodeId>,
    advertOf: (id: NodeId) => Advert | undefined,
    standing: (advert: Advert) => Standing,
  ): boolean {
    const blocksOf = (owner: NodeId): readonly Cidr[] => {
      const advert = advertOf(owner);
      return advert === undefined ? [] : this.#coveredOf(advert, standing(advert));
    };
    const claimsOf = (owner: NodeId): readonly Claim[] => {
      const advert = advertOf(owner);
      return advert === undefined ? [] : this.#claimsOf(advert, standing(advert));
    };
    const concerned = this.#uncovered.size === 0 ? owners : new Set([...owners, ...this.#uncovered]);
    for (const owner of this.#uncovered) if (advertOf(owner) === undefined) this.#uncovered.delete(owner);
    return this.#groups.update(concerned, { blocksOf, claimsOf }, this.#clusterCidrs);
  }

  lostClaims(): LostClaim[] {
    const own = this.refused.lost.filter(({ claim }) => claim.owner === this.#ownId);
    return own.map(({ claim, winner, reason }) => ({ cidr: claim.cidr, winner, reason }));
  }

  /** The same list as in the advert when all count. */
  #coveredOf({ id, podCidrs }: Advert, { hasLeft, covers }: Standing): readonly Cidr[] {
    const isCovered = !hasLeft && (covers === null || podCidrs.every(covers));
    if (hasLeft || isCovered) this.#uncovered.delete(id);
    else this.#uncovered.add(id);
    if (hasLeft) return [];
    return covers === null || isCovered ? podCidrs : podCidrs.filter(covers);
  }

  #claimsOf(advert: Advert, standing: Standing): Claim[] {
    const { isAlive, claimsSinceMs } = standing;
    return this.#coveredOf(advert, standing).map((cidr) => ({
      cidr,
      owner: advert.id,
      createdAtMs: claimsSinceMs(),
      isAlive,
    }));
  }
}
