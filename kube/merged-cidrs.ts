/** Few CIDRs that cover many: the ranges of a whole cluster, from the pod CIDRs of its nodes. */
import { cidrFamily, cidrNetwork, cidrPrefix } from '../common/address/cidr.js';
import type { Cidr } from '../common/address/cidr.js';
import { ADDRESS_BITS, ipFromBigInt, ipToBigInt } from '../common/address/ip-address.js';
import type { IpFamily } from '../common/address/ip-address.js';

interface Block {
  readonly family: IpFamily;
  readonly start: bigint;
  readonly prefix: number;
}

/**
 * The same addresses as the least number of CIDRs, in order. Beyond `max`, the smallest ones are widened, a bit at a time,
 * until they are few enough: then the result covers more addresses than were given.
 * @param max at least 2, one for each family
 */
export function mergedCidrs(cidrs: readonly Cidr[], max: number): Cidr[] {
  let merged = merge(cidrs.map(blockOf));
  while (merged.length > max) {
    const longest = Math.max(...merged.map(({ prefix }) => prefix));
    merged = merge(merged.map((block) => (block.prefix === longest ? parentOf(block) : block)));
  }
  return merged.map(({ family, start, prefix }) => `${ipFromBigInt(start, family)}/${prefix}` as Cidr);
}

/** Without blocks that lie in others, and without two halves of one block. */
function merge(blocks: readonly Block[]): Block[] {
  const merged: Block[] = [];
  for (const block of [...blocks].sort(byPlace)) {
    const last = merged.at(-1);
    if (last !== undefined && includes(last, block)) continue;
    merged.push(block);
    for (let [a, b] = merged.slice(-2); a && b && areHalves(a, b); [a, b] = merged.slice(-2)) {
      merged.splice(-2, 2, parentOf(a));
    }
  }
  return merged;
}

function blockOf(cidr: Cidr): Block {
  return { family: cidrFamily(cidr), start: ipToBigInt(cidrNetwork(cidr)), prefix: cidrPrefix(cidr) };
}

function sizeOf({ family, prefix }: Block): bigint {
  return 1n << BigInt(ADDRESS_BITS[family] - prefix);
}

/** The block twice as large around it; a whole address family is its own. */
function parentOf(block: Block): Block {
  if (block.prefix === 0) return block;
  const parent = { ...block, prefix: block.prefix - 1 };
  return { ...parent, start: block.start & ~(sizeOf(parent) - 1n) };
}

function includes(outer: Block, inner: Block): boolean {
  return outer.family === inner.family && inner.start >= outer.start && inner.start < outer.start + sizeOf(outer);
}

function areHalves(a: Block, b: Block): boolean {
  if (a.family !== b.family || a.prefix !== b.prefix || a.prefix === 0) return false;
  return a.start !== b.start && parentOf(a).start === parentOf(b).start;
}

/** An outer block comes before those in it. */
function byPlace(a: Block, b: Block): number {
  if (a.family !== b.family) return a.family - b.family;
  if (a.start !== b.start) return a.start < b.start ? -1 : 1;
  return a.prefix - b.prefix;
}
