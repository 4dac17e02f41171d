/** Ownership table in force: computed anew when adverts or cluster CIDRs change. */
import type { Cidr } from '../../common/address/cidr.js';
import type { NodeId } from '../../common/node-id.js';
import type { Advert } from '../wire/advert.js';
import type { LostClaim } from '../mesh-io.js';
import { ownershipTable } from './ownership-table.js';
import type { OwnershipEntry, OwnershipTable } from './ownership-table.js';

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
  update(adverts: Iterable<Advert>): boolean {
    const before = JSON.stringify(this.#table.entries);
    this.#table = ownershipTable(claimsOf(adverts), this.#clusterCidrs);
    return JSON.stringify(this.#table.entries) !== before;
  }

  lostClaims(): LostClaim[] {
    const own = this.#table.lost.filter(({ claim }) => claim.owner === this.#ownId);
    return own.map(({ claim, winner }) => ({ cidr: claim.cidr, winner }));
  }
}

function* claimsOf(adverts: Iterable<Advert>) {
  for (const { id, podCidrs, createdAtMs } of adverts) {
    for (const cidr of podCidrs) yield { cidr, owner: id, createdAtMs };
  }
}
