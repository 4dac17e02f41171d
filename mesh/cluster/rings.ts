/**
 * Hash rings that say which members are neighbours: RINGS orders of all members, each by another part of a hash of the id. A
 * member's neighbours are the one before and the one behind it on every ring, so a pair that is one for one of them is one for
 * both, and every node that knows the same members finds the same pairs (Rapid, USENIX ATC 2018, section 4). The graph of such
 * pairs stays in one piece, by far, when half of the members are gone.
 *
 * With at most NEIGHBOURS other members all of them are neighbours.
 *
 * No ring is kept: a node needs the ends next to one member only, which a new member may move, and which are looked for among all
 * when one of them is gone.
 */
import { createHash } from 'node:crypto';
import type { NodeId } from '../../common/node-id.js';
import { MAX_MEMBERS, NEIGHBOURS } from '../limits.js';
import { BoundedIdMap } from './member-maps.js';

const RINGS = NEIGHBOURS / 2;
const HASH_LABEL = 'heddle/2 rings';
const FULL_CIRCLE = 2 ** 32;

/** Place on each ring, 32 bits, by id: a pure function, so one map serves all. Bounded by twice the members of a node. */
const known = new BoundedIdMap<Uint32Array>(2 * MAX_MEMBERS);

/** The neighbours of one member. */
export class RingNeighbours {
  readonly #id: NodeId;
  readonly #places: Uint32Array;
  /** The first behind the member on each ring, and the last: the one before it. */
  readonly #first = new Array<NodeId | null>(RINGS).fill(null);
  readonly #last = new Array<NodeId | null>(RINGS).fill(null);
  /** How far behind the member they are; while there is none, so that any other is nearer. */
  readonly #firstAt = new Float64Array(RINGS).fill(Infinity);
  readonly #lastAt = new Float64Array(RINGS).fill(-Infinity);
  #others = 0;
  /** One of them is gone. */
  #isStale = false;

  constructor(id: NodeId) {
    this.#id = id;
    this.#places = placesOf(id);
  }

  /** The same, which goes its own way from now on. */
  copy(): RingNeighbours {
    const copy = new RingNeighbours(this.#id);
    for (let ring = 0; ring < RINGS; ring++) {
      copy.#first[ring] = this.#first[ring]!;
      copy.#last[ring] = this.#last[ring]!;
    }
    copy.#firstAt.set(this.#firstAt);
    copy.#lastAt.set(this.#lastAt);
    copy.#others = this.#others;
    copy.#isStale = this.#isStale;
    return copy;
  }

  /** A member that was not there. True when the neighbours may be others than before. */
  add(other: NodeId): boolean {
    this.#others++;
    if (this.#isStale) return true;
    return this.#place(other) || this.#others <= NEIGHBOURS + 1;
  }

  /** A member that was there is gone. True when the neighbours are others than before. */
  remove(other: NodeId): boolean {
    this.#others--;
    if (this.#first.includes(other) || this.#last.includes(other)) this.#isStale = true;
    return this.#isStale || this.#others <= NEIGHBOURS;
  }

  /** @param others all that were added and not removed */
  ids(others: () => Iterable<NodeId>): Set<NodeId> {
    if (this.#others <= NEIGHBOURS) return new Set(others());
    if (this.#isStale) this.#lookAgain(others());
    return new Set([...this.#first, ...this.#last].filter((id) => id !== null));
  }

  #lookAgain(others: Iterable<NodeId>): void {
    this.#isStale = false;
    this.#first.fill(null);
    this.#last.fill(null);
    this.#firstAt.fill(Infinity);
    this.#lastAt.fill(-Infinity);
    for (const other of others) this.#place(other);
  }

  /** Those at one place, which is one chance in 2^32, are in the order of their ids. */
  #place(other: NodeId): boolean {
    const places = placesOf(other);
    let isNext = false;
    for (let ring = 0; ring < RINGS; ring++) {
      const way = (places[ring]! - this.#places[ring]!) >>> 0;
      const at = way === 0 && other < this.#id ? FULL_CIRCLE : way;
      if (at < this.#firstAt[ring]! || (at === this.#firstAt[ring] && other < this.#first[ring]!)) {
        this.#first[ring] = other;
        this.#firstAt[ring] = at;
        isNext = true;
      }
      if (at > this.#lastAt[ring]! || (at === this.#lastAt[ring] && other > this.#last[ring]!)) {
        this.#last[ring] = other;
        this.#lastAt[ring] = at;
        isNext = true;
      }
    }
    return isNext;
  }
}

/** The neighbours of a member among others; takes time in proportion to these. */
export function neighboursAmong(id: NodeId, others: () => Iterable<NodeId>): Set<NodeId> {
  const neighbours = new RingNeighbours(id);
  for (const other of others()) if (other !== id) neighbours.add(other);
  const withoutItself = function* (): Generator<NodeId> {
    for (const other of others()) if (other !== id) yield other;
  };
  return neighbours.ids(withoutItself);
}

function placesOf(id: NodeId): Uint32Array {
  const before = known.get(id);
  if (before !== undefined) return before;
  const hash = createHash('sha256').update(HASH_LABEL).update(id).digest();
  const places = Uint32Array.from({ length: RINGS }, (_, ring) => hash.readUInt32BE(4 * ring));
  known.set(id, places);
  return places;
}
