/** Ownership table in force: computed anew when adverts or cluster CIDRs change. */
import type { Cidr } from '../../common/address/cidr.js';
import type { NodeId } from '../../common/node-id.js';
import type { Advert } from '../wire/advert.js';
import type { LostClaim } from '../mesh-io.js';
import { ownershipTable } from './ownership-table.js';
import type { Claim, OwnershipEntry, OwnershipTable } from './ownership-table.js';

/** What the claims of a node are worth. */
export interface Standing {
  /** It said goodbye, which withdraws its claims. */
  readonly hasLeft: boolean;
  readonly isAlive: boolean;
  readonly claimsSinceMs: number;
}

export class Ownership {
  readonly #ownId: NodeId;
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

  /** Computes the table anew; true when the entries changed. */
  update(adverts: Iterable<Advert>, standing: (advert: Advert) => Standing): boolean {
    const before = JSON.stringify(this.#table.entries);
    this.#table = ownershipTable(claimsOf(adverts, standing), this.#clusterCidrs);
    return JSON.stringify(this.#table.entries) !== before;
  }

  lostClaims(): LostClaim[] {
    const own = this.#table.lost.filter(({ claim }) => claim.owner === this.#ownId);
    return own.map(({ claim, winner, reason }) => ({ cidr: claim.cidr, winner, reason }));
  }
}

function* claimsOf(adverts: Iterable<Advert>, standing: (advert: Advert) => Standing): Generator<Claim> {
  for (const advert of adverts) {
    const { hasLeft, isAlive, claimsSinceMs } = standing(advert);
    if (hasLeft) continue;
    for (const cidr of advert.podCidrs) yield { cidr, owner: advert.id, createdAtMs: claimsSinceMs, isAlive };
  }
}
