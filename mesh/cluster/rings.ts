/**
 * Hash rings that say which members are neighbours: RINGS orders of all members, each by another part of a hash of the id. A
 * member's neighbours are the one before and the one behind it on every ring, so a pair that is one for one of them is one for
 * both, and every node that knows the same members finds the same pairs (Rapid, USENIX ATC 2018, section 4). The graph of such
 * pairs stays in one piece, by far, when half of the members are gone.
 *
 * With at most NEIGHBOURS other members all of them are neighbours.
 */
import { createHash } from 'node:crypto';
import type { NodeId } from '../../common/node-id.js';
import { NEIGHBOURS } from '../limits.js';

const RINGS = NEIGHBOURS / 2;
const HASH_LABEL = 'heddle/2 rings';

export class Rings {
  /** Place on each ring, 32 bits. Bounded by MAX_MEMBERS: the caller adds members. */
  readonly #places = new Map<NodeId, Uint32Array>();
  /** The members in the order of each ring; those at one place, which is one chance in 2^32, in the order of their ids. */
  readonly #rings: NodeId[][] = Array.from({ length: RINGS }, () => []);

  add(id: NodeId): void {
    if (this.#places.has(id)) return;
    this.#places.set(id, placesOf(id));
    this.#rings.forEach((ring, r) => ring.splice(this.#indexOf(ring, r, id), 0, id));
  }

  remove(id: NodeId): void {
    if (!this.#places.has(id)) return;
    this.#rings.forEach((ring, r) => ring.splice(this.#indexOf(ring, r, id), 1));
    this.#places.delete(id);
  }

  /** @param counts which of the others are on the rings at all */
  neighboursOf(id: NodeId, counts: (other: NodeId) => boolean = () => true): Set<NodeId> {
    const isOther = (other: NodeId): boolean => other !== id && counts(other);
    const few = this.#allIfFew(isOther);
    if (few !== null) return few;
    const neighbours = new Set<NodeId>();
    this.#rings.forEach((ring, r) => {
      const at = this.#indexOf(ring, r, id);
      neighbours.add(nextOf(ring, at, 1, isOther));
      neighbours.add(nextOf(ring, at - 1, -1, isOther));
    });
    return neighbours;
  }

  /** All that count if they are at most NEIGHBOURS, else null. */
  #allIfFew(isOther: (other: NodeId) => boolean): Set<NodeId> | null {
    const found = new Set<NodeId>();
    for (const id of this.#places.keys()) {
      if (!isOther(id)) continue;
      if (found.size === NEIGHBOURS) return null;
      found.add(id);
    }
    return found;
  }

  /** Where the member is on the ring, or would be. */
  #indexOf(ring: readonly NodeId[], r: number, id: NodeId): number {
    const own = (this.#places.get(id) ?? placesOf(id))[r]!;
    let [from, to] = [0, ring.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      const other = ring[middle]!;
      const place = this.#places.get(other)![r]!;
      if (place < own || (place === own && other < id)) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

function placesOf(id: NodeId): Uint32Array {
  const hash = createHash('sha256').update(HASH_LABEL).update(id).digest();
  return Uint32Array.from({ length: RINGS }, (_, ring) => hash.readUInt32BE(4 * ring));
}

/** The first from there on, around the ring, that counts: some do. */
function nextOf(ring: readonly NodeId[], at: number, step: 1 | -1, isOther: (other: NodeId) => boolean): NodeId {
  let index = (at + ring.length) % ring.length;
  while (!isOther(ring[index]!)) index = (index + step + ring.length) % ring.length;
  return ring[index]!;
}
