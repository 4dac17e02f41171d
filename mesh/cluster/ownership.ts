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
  #table: OwnershipTable = { entries: [], lost: [], outside: [] };

  constructor(ownId: NodeId, clusterCidrs: readonly Cidr[]) {
    this.#ownId = ownId;
    this.#clusterCidrs = clusterCidrs;
  }

  get entries(): readonly OwnershipEntry[] {
    return this.#table.entries;
  }

  get table(): OwnershipTable {
    return this.#table;
  }

  /** Takes effect with the next {@link update}. */
  useClusterCidrs(cidrs: readonly Cidr[]): void {
    this.#clusterCidrs = cidrs;
  }

  /** Computes anew what changed claims concern; true when the entries changed. */
  update(adverts: Iterable<Advert>, standing: (advert: Advert) => Standing): boolean {
    const hasChanged = this.#groups.update(claimsOf(adverts, standing), this.#clusterCidrs);
    this.#table = this.#groups.table();
    return hasChanged;
  }

  lostClaims(): LostClaim[] {
    const own = this.#table.lost.filter(({ claim }) => claim.owner === this.#ownId);
    return own.map(({ claim, winner, reason }) => ({ cidr: claim.cidr, winner, reason }));
  }
}

function claimsOf(adverts: Iterable<Advert>, standing: (advert: Advert) => Standing): Map<NodeId, Claim[]> {
  const claims = new Map<NodeId, Claim[]>();
  for (const advert of adverts) {
    const { hasLeft, isAlive, claimsSinceMs, covers } = standing(advert);
    if (hasLeft) continue;
    const covered = advert.podCidrs.filter(covers);
    const ofNode = covered.map((cidr) => ({ cidr, owner: advert.id, createdAtMs: claimsSinceMs, isAlive }));
    claims.set(advert.id, ofNode);
  }
  return claims;
}
