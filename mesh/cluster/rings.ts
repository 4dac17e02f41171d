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
const TWO_POW_32 = 2 ** 32;

export class Rings {
  /** Place on each ring, 32 bits. Bounded by MAX_MEMBERS: the caller adds members. */
  readonly #places = new Map<NodeId, Uint32Array>();

  add(id: NodeId): void {
    if (!this.#places.has(id)) this.#places.set(id, placesOf(id));
  }

  remove(id: NodeId): void {
    this.#places.delete(id);
  }

  /** @param counts which of the others are on the rings at all */
  neighboursOf(id: NodeId, counts: (other: NodeId) => boolean = () => true): Set<NodeId> {
    const others = [...this.#places].filter(([other]) => other !== id && counts(other));
    if (others.length <= NEIGHBOURS) return new Set(others.map(([other]) => other));
    const own = this.#places.get(id) ?? placesOf(id);
    const neighbours = new Set<NodeId>();
    for (let ring = 0; ring < RINGS; ring++) {
      neighbours.add(nearest(others, (place) => distance(own[ring]!, place[ring]!)));
      neighbours.add(nearest(others, (place) => distance(place[ring]!, own[ring]!)));
    }
    return neighbours;
  }
}

function placesOf(id: NodeId): Uint32Array {
  const hash = createHash('sha256').update(HASH_LABEL).update(id).digest();
  return Uint32Array.from({ length: RINGS }, (_, ring) => hash.readUInt32BE(4 * ring));
}

/** Of two at the same distance, which is one chance in 2^32, the one with the lower id. */
function nearest(others: readonly (readonly [NodeId, Uint32Array])[], from: (place: Uint32Array) => number): NodeId {
  let [best] = others[0]!;
  let least = Infinity;
  for (const [id, place] of others) {
    const found = from(place);
    if (found > least || (found === least && id > best)) continue;
    least = found;
    best = id;
  }
  return best;
}

/** Way around the ring from one place up to another; a whole round for the same place. */
function distance(from: number, to: number): number {
  return to > from ? to - from : to - from + TWO_POW_32;
}
