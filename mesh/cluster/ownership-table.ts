/**
 * Ownership table: which node owns which pod CIDR. It is a pure function of the claims, so all nodes that know the same
 * adverts and reach the same nodes have the same table.
 *
 * A claim is valid when it lies within the cluster's CIDRs. Of overlapping claims of different nodes the one of a node that
 * can be reached wins, then that of the earlier identity, then that of the lower node id; the loser's claim is out as a whole.
 * Invariant: no two entries of different owners overlap.
 */
import { cidrFamily, cidrIncludes, cidrNetwork, cidrPrefix } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { ADDRESS_BITS, ipToBigInt } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';

export interface Claim {
  readonly cidr: Cidr;
  readonly owner: NodeId;
  /** Since when the node claims, wall-clock ms. */
  readonly createdAtMs: number;
  /** Whether the node can be reached. */
  readonly isAlive: boolean;
}

export interface OwnershipEntry {
  readonly cidr: Cidr;
  readonly owner: NodeId;
  /** A node whose valid claim lost against this entry, if there is one. */
  readonly conflict: NodeId | null;
  /** Why the owner won, or null without a conflict. */
  readonly conflictReason: WinReason | null;
}

export type WinReason = 'reachable' | 'earlier' | 'lowerId';

export interface LosingClaim {
  readonly claim: Claim;
  readonly winner: NodeId;
  readonly reason: WinReason;
}

export interface OwnershipTable {
  readonly entries: readonly OwnershipEntry[];
  readonly lost: readonly LosingClaim[];
  /** Claims outside the cluster's CIDRs. */
  readonly outside: readonly Claim[];
}

export function ownershipTable(claims: Iterable<Claim>, clusterCidrs: readonly Cidr[]): OwnershipTable {
  const valid: Claim[] = [];
  const outside: Claim[] = [];
  for (const claim of claims) {
    (clusterCidrs.some((cluster) => cidrIncludes(cluster, claim.cidr)) ? valid : outside).push(claim);
  }
  valid.sort(byPrecedence);
  const index = new OverlapIndex(valid);
  /** The first claim that lost against each winner. */
  const conflicts = new Map<Claim, LosingClaim>();
  const winners: Claim[] = [];
  const lost: LosingClaim[] = [];
  for (const claim of valid) {
    if (index.has(claim)) continue;
    const conflicting = index.conflictWith(claim);
    if (conflicting === null) {
      index.add(claim);
      winners.push(claim);
    } else {
      const loss = { claim, winner: conflicting.owner, reason: winReason(conflicting, claim) };
      conflicts.set(conflicting, conflicts.get(conflicting) ?? loss);
      lost.push(loss);
    }
  }
  const entries = winners.map((claim) => ({
    cidr: claim.cidr,
    owner: claim.owner,
    conflict: conflicts.get(claim)?.claim.owner ?? null,
    conflictReason: conflicts.get(claim)?.reason ?? null,
  }));
  return { entries, lost, outside };
}

function winReason(winner: Claim, loser: Claim): WinReason {
  if (winner.isAlive !== loser.isAlive) return 'reachable';
  return winner.createdAtMs === loser.createdAtMs ? 'lowerId' : 'earlier';
}

function byPrecedence(a: Claim, b: Claim): number {
  if (a.isAlive !== b.isAlive) return a.isAlive ? -1 : 1;
  if (a.createdAtMs !== b.createdAtMs) return a.createdAtMs - b.createdAtMs;
  if (a.owner !== b.owner) return a.owner < b.owner ? -1 : 1;
  return a.cidr < b.cidr ? -1 : a.cidr > b.cidr ? 1 : 0;
}

/**
 * Index of accepted claims that finds one overlapping a new claim with one map lookup per prefix length in use. An accepted
 * claim is entered under its own network, and as a claim inside under its networks of all shorter lengths in use.
 */
class OverlapIndex {
  readonly #lengths: readonly number[];
  readonly #exact = new Map<string, Claim>();
  /** Claims inside a network, one per owner: enough to find one of another owner. */
  readonly #inside = new Map<string, Claim[]>();

  constructor(claims: readonly Claim[]) {
    this.#lengths = [...new Set(claims.map(({ cidr }) => cidrPrefix(cidr)))].sort((a, b) => a - b);
  }

  add(claim: Claim): void {
    const prefix = cidrPrefix(claim.cidr);
    for (const length of this.#lengths) {
      if (length >= prefix) break;
      const key = keyAt(claim.cidr, length);
      const inside = this.#inside.get(key) ?? [];
      if (inside.length < 2 && inside.every(({ owner }) => owner !== claim.owner)) inside.push(claim);
      this.#inside.set(key, inside);
    }
    this.#exact.set(keyAt(claim.cidr, prefix), claim);
  }

  /** Whether the same claim of the same owner is accepted already. */
  has(claim: Claim): boolean {
    return this.#exact.get(keyAt(claim.cidr, cidrPrefix(claim.cidr)))?.owner === claim.owner;
  }

  /** An accepted claim of another owner that overlaps, or null. */
  conflictWith(claim: Claim): Claim | null {
    const prefix = cidrPrefix(claim.cidr);
    for (const length of this.#lengths) {
      if (length > prefix) break;
      const around = this.#exact.get(keyAt(claim.cidr, length));
      if (around !== undefined && around.owner !== claim.owner) return around;
    }
    const inside = this.#inside.get(keyAt(claim.cidr, prefix)) ?? [];
    return inside.find(({ owner }) => owner !== claim.owner) ?? null;
  }
}

function keyAt(cidr: Cidr, length: number): string {
  const family = cidrFamily(cidr);
  return `${family}/${length}/${ipToBigInt(cidrNetwork(cidr)) >> BigInt(ADDRESS_BITS[family] - length)}`;
}
