/**
 * Ownership table computed in groups of claims that can overlap: those within one outermost claimed block. Blocks nest or are
 * apart, so a claim is decided by its group alone. A block that overlaps no other is all that is kept of its claim, so a node that
 * joins or changes costs the same among 100 members and among 5000.
 */
import { cidrFamily, cidrIncludes, cidrNetwork, cidrPrefix } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { ADDRESS_BITS, ipFromBigInt, ipToBigInt } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import { BlockMap, IdMap } from './member-maps.js';
import { ownershipTable } from './ownership-table.js';
import type { Claim, OwnershipEntry, OwnershipTable } from './ownership-table.js';

/** What members claim now. */
export interface ClaimSource {
  /** None for one that is gone. */
  blocksOf(owner: NodeId): readonly Cidr[];
  /** Of these blocks. */
  claimsOf(owner: NodeId): readonly Claim[];
}

/** Claims that overlap. */
interface Group {
  readonly outermost: Cidr;
  readonly claims: readonly Claim[];
  readonly table: OwnershipTable;
}

/** Two families, each of up to 129 lengths. */
const LENGTHS_PER_FAMILY = 256;

const NONE: readonly Cidr[] = [];

/** Whether lists of blocks are plain, by cluster (see `#arePlain`): an advert has one list, as long as it is known. */
const plainIn = new WeakMap<readonly Cidr[], WeakMap<readonly Cidr[], boolean>>();

export class OwnershipGroups {
  /** Claimed blocks. Bounded by the members, as all collections here. */
  readonly #blocks = new IdMap<readonly Cidr[]>();
  /** By block within the cluster: its owner when nothing overlaps it, or the group that it belongs to. */
  readonly #holders = new BlockMap<NodeId | Group>();
  readonly #groups = new Set<Group>();
  /** Claims outside the cluster's CIDRs. */
  readonly #outside = new Map<NodeId, readonly Claim[]>();
  /** Number of `#holders` by family and prefix length. */
  readonly #lengths = new Map<number, number>();
  #clusterCidrs: readonly Cidr[] = [];
  #plain = plainLists(this.#clusterCidrs);

  /** Of all groups, in no order. */
  entries(): OwnershipEntry[] {
    const alone: OwnershipEntry[] = [];
    for (const [cidr, holder] of this.#holders) if (isOwner(holder)) alone.push(entryOf(cidr, holder));
    return [...alone, ...[...this.#groups].flatMap(({ table }) => table.entries)];
  }

  refused(): Pick<OwnershipTable, 'lost' | 'outside'> {
    return {
      lost: Array.from(this.#groups, ({ table }) => table.lost).flat(),
      outside: [...this.#outside.values()].flat(),
    };
  }

  /** Whether the node owns a block that it claims. */
  ownsAny(node: NodeId): boolean {
    return (this.#blocks.get(node) ?? []).some((cidr) => this.#ownerOf(cidr) === node);
  }

  /**
   * @param owners whose claims may have changed, in their blocks or their standing
   * @returns whether the entries changed
   */
  update(owners: ReadonlySet<NodeId>, source: ClaimSource, clusterCidrs: readonly Cidr[]): boolean {
    const isOtherCluster = !areEqual(this.#clusterCidrs, clusterCidrs);
    if (this.#clusterCidrs !== clusterCidrs) this.#plain = plainLists(clusterCidrs);
    this.#clusterCidrs = clusterCidrs;
    // At the start of a node nothing is held that another cluster could change.
    if (isOtherCluster && this.#blocks.size > 0)
      return this.#replace(new Set([...this.#blocks.keys(), ...owners]), source);
    const entangled = new Set<NodeId>();
    let hasChanged = false;
    for (const owner of owners) {
      const outcome = this.#updateAlone(owner, source.blocksOf(owner));
      if (outcome === 'entangled') entangled.add(owner);
      else if (outcome === 'changed') hasChanged = true;
    }
    return (entangled.size > 0 && this.#replace(entangled, source)) || hasChanged;
  }

  /** The usual case: nothing overlaps the blocks of the owner, before and after. */
  #updateAlone(owner: NodeId, blocks: readonly Cidr[]): 'same' | 'changed' | 'entangled' {
    const before = this.#blocks.get(owner) ?? NONE;
    if (this.#outside.has(owner) || !before.every((cidr) => isOwner(this.#holders.get(cidr)!))) return 'entangled';
    if (areEqual(before, blocks)) return 'same';
    if (before.length > 0 && blocks.length > 0) return 'entangled';
    if (!this.#arePlain(blocks) || this.#areTouched(blocks)) return 'entangled';
    for (const cidr of before) this.#release(cidr);
    this.#holders.setAll(blocks, owner);
    for (const cidr of blocks) this.#countLength(cidr);
    this.#setBlocks(owner, blocks);
    return 'changed';
  }

  /** Takes apart all groups that the owners' claims touch, and forms them anew. */
  #replace(owners: ReadonlySet<NodeId>, source: ClaimSource): boolean {
    const before = new Set<Cidr>();
    for (const owner of owners) {
      for (const cidr of this.#blocks.get(owner) ?? []) if (this.#holders.has(cidr)) before.add(cidr);
    }
    const after = [...owners].flatMap((owner) => source.claimsOf(owner));
    const touched = new Set<Cidr>(before);
    const valid = after.filter(({ cidr }) => this.#isInside(cidr));
    for (const { cidr } of valid) for (const block of this.#blocksTouching(cidr)) touched.add(block);
    const groups = new Set<Group>();
    const staying: Claim[] = [];
    const entriesBefore: OwnershipEntry[] = [];
    for (const cidr of touched) {
      const holder = this.#holders.get(cidr)!;
      if (!isOwner(holder)) groups.add(holder);
      else {
        entriesBefore.push(entryOf(cidr, holder));
        if (!owners.has(holder)) staying.push(...source.claimsOf(holder).filter((claim) => claim.cidr === cidr));
        this.#release(cidr);
      }
    }
    for (const group of groups) {
      entriesBefore.push(...group.table.entries);
      staying.push(...group.claims.filter(({ owner }) => !owners.has(owner)));
      this.#removeGroup(group);
    }
    for (const owner of owners) {
      this.#setBlocks(owner, source.blocksOf(owner));
      this.#setOutside(owner, after);
    }
    return fingerprint(this.#add([...staying, ...valid])) !== fingerprint(entriesBefore);
  }

  #setBlocks(owner: NodeId, blocks: readonly Cidr[]): void {
    if (blocks.length > 0) this.#blocks.set(owner, blocks);
    else this.#blocks.delete(owner);
  }

  #setOutside(owner: NodeId, claims: readonly Claim[]): void {
    const outside = claims.filter((claim) => claim.owner === owner && !this.#isInside(claim.cidr));
    if (outside.length > 0) this.#outside.set(owner, outside);
    else this.#outside.delete(owner);
  }

  #ownerOf(cidr: Cidr): NodeId | null {
    const holder = this.#holders.get(cidr);
    if (holder === undefined || isOwner(holder)) return holder ?? null;
    return holder.table.entries.find((entry) => entry.cidr === cidr)?.owner ?? null;
  }

  /** Whether all are within the cluster, and none overlaps another one of them. */
  #arePlain(blocks: readonly Cidr[]): boolean {
    let arePlain = this.#plain.get(blocks);
    if (arePlain === undefined) {
      const overlaps = (cidr: Cidr, i: number): boolean =>
        blocks.some((other, j) => i !== j && cidrIncludes(cidr, other));
      arePlain = blocks.every((cidr) => this.#isInside(cidr)) && !blocks.some(overlaps);
      this.#plain.set(blocks, arePlain);
    }
    return arePlain;
  }

  #isInside(cidr: Cidr): boolean {
    return this.#clusterCidrs.some((cluster) => cidrIncludes(cluster, cidr));
  }

  /** Whether one of them overlaps a held block. */
  #areTouched(blocks: readonly Cidr[]): boolean {
    return this.#holders.hasAny(blocks) || blocks.some((cidr) => this.#othersTouching(cidr).length > 0);
  }

  /** Held blocks that overlap this one: itself, one around it, or all inside. */
  #blocksTouching(cidr: Cidr): readonly Cidr[] {
    return this.#holders.has(cidr) ? [cidr] : this.#othersTouching(cidr);
  }

  /** The same of a block that is not held itself. */
  #othersTouching(cidr: Cidr): readonly Cidr[] {
    const [family, prefix] = [cidrFamily(cidr), cidrPrefix(cidr)];
    let hasInner = false;
    for (const length of this.#lengths.keys()) {
      const bits = length % LENGTHS_PER_FAMILY;
      if (length !== lengthKey(family, bits) || bits === prefix) continue;
      const around = bits > prefix ? null : blockAt(cidr, bits);
      if (around !== null && this.#holders.has(around)) return [around];
      hasInner ||= bits > prefix;
    }
    if (!hasInner) return NONE;
    return [...this.#holders.keys()].filter((inner) => cidrFamily(inner) === family && cidrIncludes(cidr, inner));
  }

  /** Forms groups of claims that touch nothing that is held. Their entries. */
  #add(claims: readonly Claim[]): OwnershipEntry[] {
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
    return Array.from(parts, ([outermost, members]) => this.#addPart(outermost, members)).flat();
  }

  #addPart(outermost: Cidr, claims: readonly Claim[]): readonly OwnershipEntry[] {
    const [only, ...others] = claims;
    if (only !== undefined && others.length === 0) {
      this.#hold(only.cidr, only.owner);
      return [entryOf(only.cidr, only.owner)];
    }
    const group = { outermost, claims, table: ownershipTable(claims, this.#clusterCidrs) };
    this.#groups.add(group);
    for (const cidr of blocksIn(group)) this.#hold(cidr, group);
    return group.table.entries;
  }

  #removeGroup(group: Group): void {
    this.#groups.delete(group);
    for (const cidr of blocksIn(group)) this.#release(cidr);
  }

  #hold(cidr: Cidr, holder: NodeId | Group): void {
    this.#holders.set(cidr, holder);
    this.#countLength(cidr);
  }

  #countLength(cidr: Cidr): void {
    const key = lengthKey(cidrFamily(cidr), cidrPrefix(cidr));
    this.#lengths.set(key, (this.#lengths.get(key) ?? 0) + 1);
  }

  #release(cidr: Cidr): void {
    if (!this.#holders.delete(cidr)) return;
    const key = lengthKey(cidrFamily(cidr), cidrPrefix(cidr));
    const left = this.#lengths.get(key)! - 1;
    if (left > 0) this.#lengths.set(key, left);
    else this.#lengths.delete(key);
  }
}

function plainLists(clusterCidrs: readonly Cidr[]): WeakMap<readonly Cidr[], boolean> {
  const known = plainIn.get(clusterCidrs) ?? new WeakMap<readonly Cidr[], boolean>();
  plainIn.set(clusterCidrs, known);
  return known;
}

function isOwner(holder: NodeId | Group): holder is NodeId {
  return typeof holder === 'string';
}

function entryOf(cidr: Cidr, owner: NodeId): OwnershipEntry {
  return { cidr, owner, conflict: null, conflictReason: null };
}

function blocksIn({ claims }: Group): Set<Cidr> {
  return new Set(claims.map(({ cidr }) => cidr));
}

function lengthKey(family: 4 | 6, bits: number): number {
  return (family === 4 ? 0 : LENGTHS_PER_FAMILY) + bits;
}

/** The block of this length around another, as canonical text. */
function blockAt(cidr: Cidr, length: number): Cidr {
  if (length === cidrPrefix(cidr)) return cidr;
  const family = cidrFamily(cidr);
  const hostBits = BigInt(ADDRESS_BITS[family] - length);
  return `${ipFromBigInt((ipToBigInt(cidrNetwork(cidr)) >> hostBits) << hostBits, family)}/${length}` as Cidr;
}

function areEqual(a: readonly Cidr[], b: readonly Cidr[]): boolean {
  return a === b || (a.length === b.length && a.every((cidr, i) => cidr === b[i]));
}

function fingerprint(entries: readonly OwnershipEntry[]): string {
  return JSON.stringify(entries.map((entry) => JSON.stringify(entry)).sort());
}
