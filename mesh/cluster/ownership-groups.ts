/**
 * Ownership table computed in groups of claims that can overlap: those within one outermost claimed block. Blocks nest or are
 * apart, so a claim is decided by its group alone, and a node that joins costs the same among 100 members and among 5000.
 */
import { cidrFamily, cidrIncludes, cidrNetwork, cidrPrefix } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { ADDRESS_BITS, ipFromBigInt, ipToBigInt } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import { ownershipTable } from './ownership-table.js';
import type { Claim, OwnershipEntry, OwnershipTable } from './ownership-table.js';

interface Group {
  readonly outermost: Cidr;
  readonly claims: readonly Claim[];
  readonly table: OwnershipTable;
}

export class OwnershipGroups {
  /** Bounded by the members, as all collections here. */
  readonly #claims = new Map<NodeId, readonly Claim[]>();
  /** By every claimed block. */
  readonly #groupOf = new Map<Cidr, Group>();
  readonly #groups = new Set<Group>();
  /** Those with a claim that lost or is outside. */
  readonly #withRefused = new Set<Group>();
  /** Claimed blocks by family and prefix length. */
  readonly #lengths = new Map<string, number>();
  #clusterCidrs: readonly Cidr[] = [];

  /** Of all groups, in no order. */
  entries(): OwnershipEntry[] {
    return [...this.#groups].flatMap(({ table }) => table.entries);
  }

  refused(): Pick<OwnershipTable, 'lost' | 'outside'> {
    const tables = Array.from(this.#withRefused, ({ table }) => table);
    return { lost: tables.flatMap(({ lost }) => lost), outside: tables.flatMap(({ outside }) => outside) };
  }

  /**
   * @param claims of all owners whose claims may have changed, none for one that is gone
   * @returns whether the entries changed
   */
  update(claims: ReadonlyMap<NodeId, readonly Claim[]>, clusterCidrs: readonly Cidr[]): boolean {
    const isOtherCluster = this.#clusterCidrs.join() !== clusterCidrs.join();
    this.#clusterCidrs = clusterCidrs;
    if (!isOtherCluster) return this.#replace(this.#changedOwners(claims), claims);
    const all = new Map([...this.#claims, ...claims]);
    return this.#replace(new Set(all.keys()), all);
  }

  #changedOwners(claims: ReadonlyMap<NodeId, readonly Claim[]>): Set<NodeId> {
    const changed = new Set<NodeId>();
    for (const [owner, now] of claims) if (!areEqual(this.#claims.get(owner) ?? [], now)) changed.add(owner);
    return changed;
  }

  #replace(owners: ReadonlySet<NodeId>, claims: ReadonlyMap<NodeId, readonly Claim[]>): boolean {
    if (owners.size === 0) return false;
    const before = [...owners].flatMap((owner) => this.#claims.get(owner) ?? []);
    const after = [...owners].flatMap((owner) => claims.get(owner) ?? []);
    const concerned = new Set(before.map(({ cidr }) => this.#groupOf.get(cidr)!));
    for (const { cidr } of after) for (const group of this.#groupsTouching(cidr)) concerned.add(group);
    const staying = [...concerned].flatMap((group) => group.claims).filter(({ owner }) => !owners.has(owner));
    const entriesBefore = fingerprint(concerned);
    for (const group of concerned) this.#remove(group);
    for (const owner of owners) {
      const now = claims.get(owner) ?? [];
      if (now.length > 0) this.#claims.set(owner, now);
      else this.#claims.delete(owner);
    }
    return fingerprint(this.#add([...staying, ...after])) !== entriesBefore;
  }

  /** Groups with a claim that overlaps this block. */
  #groupsTouching(cidr: Cidr): Group[] {
    const [family, prefix] = [cidrFamily(cidr), cidrPrefix(cidr)];
    let hasInner = false;
    for (const length of this.#lengths.keys()) {
      const [ofFamily, bits] = length.split('/').map(Number) as [number, number];
      if (ofFamily !== family) continue;
      const around = bits > prefix ? undefined : this.#groupOf.get(blockAt(cidr, bits));
      if (around !== undefined) return [around];
      hasInner ||= bits > prefix;
    }
    if (!hasInner) return [];
    return [...this.#groups].filter(
      ({ outermost }) => cidrFamily(outermost) === family && cidrIncludes(cidr, outermost),
    );
  }

  /** Forms groups of claims that touch no group there is. */
  #add(claims: readonly Claim[]): Group[] {
    const byPrefix = [...claims].sort((a, b) => cidrPrefix(a.cidr) - cidrPrefix(b.cidr));
    const parts = new Map<Cidr, Claim[]>();
    const lengths = new Set<number>();
    for (const claim of byPrefix) {
      const around = [...lengths].map((length) => blockAt(claim.cidr, length)).find((block) => parts.has(block));
      if (around !== undefined) {
        parts.get(around)!.push(claim);
        continue;
      }
      parts.set(claim.cidr, [claim]);
      lengths.add(cidrPrefix(claim.cidr));
    }
    return Array.from(parts, ([outermost, members]) => this.#addGroup(outermost, members));
  }

  #addGroup(outermost: Cidr, claims: readonly Claim[]): Group {
    const group = { outermost, claims, table: ownershipTable(claims, this.#clusterCidrs) };
    this.#groups.add(group);
    if (group.table.lost.length + group.table.outside.length > 0) this.#withRefused.add(group);
    for (const cidr of blocksOf(group)) {
      this.#groupOf.set(cidr, group);
      this.#count(cidr, 1);
    }
    return group;
  }

  #remove(group: Group): void {
    this.#groups.delete(group);
    this.#withRefused.delete(group);
    for (const cidr of blocksOf(group)) {
      this.#groupOf.delete(cidr);
      this.#count(cidr, -1);
    }
  }

  #count(cidr: Cidr, change: number): void {
    const length = `${cidrFamily(cidr)}/${cidrPrefix(cidr)}`;
    const count = (this.#lengths.get(length) ?? 0) + change;
    if (count > 0) this.#lengths.set(length, count);
    else this.#lengths.delete(length);
  }
}

function blocksOf({ claims }: Group): Set<Cidr> {
  return new Set(claims.map(({ cidr }) => cidr));
}

/** The block of this length around another, as canonical text. */
function blockAt(cidr: Cidr, length: number): Cidr {
  if (length === cidrPrefix(cidr)) return cidr;
  const family = cidrFamily(cidr);
  const hostBits = BigInt(ADDRESS_BITS[family] - length);
  return `${ipFromBigInt((ipToBigInt(cidrNetwork(cidr)) >> hostBits) << hostBits, family)}/${length}` as Cidr;
}

function areEqual(a: readonly Claim[], b: readonly Claim[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ cidr, createdAtMs, isAlive }, i) => {
      const other = b[i]!;
      return cidr === other.cidr && createdAtMs === other.createdAtMs && isAlive === other.isAlive;
    })
  );
}

function fingerprint(groups: Iterable<Group>): string {
  const entries = [...groups].flatMap(({ table }) => table.entries);
  return JSON.stringify(entries.map((entry) => JSON.stringify(entry)).sort());
}
