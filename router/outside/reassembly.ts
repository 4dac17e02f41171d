/**
 * Reassembly of units whose datagrams did not arrive in one piece: the underlay has no GRO, lost some or reordered them. A
 * fixed number of places, found by session and counter. A unit that needs a taken place displaces the unit in it, so the
 * memory is bounded whatever arrives. Consecutive counters of one session share MAX_INCOMPLETE_UNITS_PER_SESSION places.
 *
 * A place with a unit has a block of memory, that which was given back last: a few units at a time are all in a few blocks, and
 * the kernel backs no more than these.
 */
import type { Arena } from '../kernel/arena.js';
import type { Counters } from '../tables/counters.js';
import { MAX_UNIT_BYTES } from '../../common/protocol.js';
import { TAG_BYTES } from '../../common/wire/sealed-unit.js';
import type { Fragment } from './fragment.js';
import { strongerMark } from '../packet/congestion-mark.js';
import { DROP } from '../tables/drop-reasons.js';
import { MAX_INCOMPLETE_UNITS, MAX_INCOMPLETE_UNITS_PER_SESSION } from '../limits.js';

const HEADROOM_BYTES = 64;
const BLOCK_BYTES = HEADROOM_BYTES + MAX_UNIT_BYTES + TAG_BYTES + 64;
const FREE = -1;

export const INCOMPLETE = -1;

export class Reassembly {
  readonly #at: number;
  readonly #session = new Int32Array(MAX_INCOMPLETE_UNITS).fill(FREE);
  readonly #lane = new Uint8Array(MAX_INCOMPLETE_UNITS);
  readonly #counter = new Float64Array(MAX_INCOMPLETE_UNITS);
  readonly #fragments = new Uint8Array(MAX_INCOMPLETE_UNITS);
  readonly #unitBytes = new Int32Array(MAX_INCOMPLETE_UNITS);
  readonly #fragmentBytes = new Int32Array(MAX_INCOMPLETE_UNITS);
  /** Which fragments are present: two words of bits, as a unit has at most 64. */
  readonly #present = new Int32Array(MAX_INCOMPLETE_UNITS * 2);
  readonly #missing = new Uint8Array(MAX_INCOMPLETE_UNITS);
  readonly #mark = new Uint8Array(MAX_INCOMPLETE_UNITS);
  readonly #block = new Uint16Array(MAX_INCOMPLETE_UNITS);
  /** Blocks of no place; the last one is given next. */
  readonly #free = new Uint16Array(MAX_INCOMPLETE_UNITS);
  #freeCount = MAX_INCOMPLETE_UNITS;

  constructor(
    private readonly arena: Arena,
    private readonly counters: Counters,
  ) {
    this.#at = arena.allocate(MAX_INCOMPLETE_UNITS * BLOCK_BYTES, 4096);
    for (let i = 0; i < MAX_INCOMPLETE_UNITS; i++) this.#free[i] = MAX_INCOMPLETE_UNITS - 1 - i;
  }

  /** Arena offset of the unit in a place. */
  unitAt(place: number): number {
    return this.#at + this.#block[place]! * BLOCK_BYTES + HEADROOM_BYTES;
  }

  /** Mark of the unit in a place: the strongest of its fragments. */
  markOf(place: number): number {
    return this.#mark[place]!;
  }

  /**
   * Adds one fragment, copying it. Nothing that it says is authentic.
   * @returns the place of the unit when this fragment completed it (call {@link release} when done), else INCOMPLETE
   */
  add(fragment: Fragment): number {
    const { fragments, unitBytes, number, bytes } = fragment;
    const last = number === fragments - 1;
    // All fragments but the last have one size, and together they are the unit.
    const fragmentBytes = last ? (unitBytes - bytes) / (fragments - 1) : bytes;
    if (
      !Number.isInteger(fragmentBytes) ||
      bytes > fragmentBytes ||
      unitBytes > MAX_UNIT_BYTES ||
      unitBytes <= (fragments - 1) * fragmentBytes ||
      unitBytes > fragments * fragmentBytes
    ) {
      return this.#mismatch();
    }
    const place = this.#place(fragment.session, fragment.counter);
    if (!this.#holds(place, fragment)) this.#begin(place, fragment);
    const known = this.#fragmentBytes[place]!;
    if (
      this.#fragments[place] !== fragments ||
      this.#unitBytes[place] !== unitBytes ||
      (known !== 0 && known !== fragmentBytes)
    ) {
      return this.#mismatch();
    }
    this.#fragmentBytes[place] = fragmentBytes;
    const word = place * 2 + (number >>> 5);
    const bit = 1 << (number & 31);
    if ((this.#present[word]! & bit) !== 0) return INCOMPLETE;
    this.#present[word] = this.#present[word]! | bit;
    this.arena.u8.copyWithin(this.unitAt(place) + number * fragmentBytes, fragment.at, fragment.at + bytes);
    this.#mark[place] = strongerMark(this.#mark[place]!, fragment.mark);
    this.#missing[place] = this.#missing[place]! - 1;
    return this.#missing[place] === 0 ? place : INCOMPLETE;
  }

  release(place: number): void {
    if (this.#session[place] === FREE) return;
    this.#session[place] = FREE;
    this.#free[this.#freeCount++] = this.#block[place]!;
  }

  /** Drops the incomplete units of a session. */
  forget(session: number): void {
    for (let place = 0; place < MAX_INCOMPLETE_UNITS; place++)
      if (this.#session[place] === session) this.release(place);
  }

  #mismatch(): typeof INCOMPLETE {
    this.counters.drops[DROP.reassemblyMismatch]!++;
    return INCOMPLETE;
  }

  #place(session: number, counter: number): number {
    const ring = Math.imul(session, 0x9e3779b1) >>> 8;
    return (
      (ring * MAX_INCOMPLETE_UNITS_PER_SESSION + (counter % MAX_INCOMPLETE_UNITS_PER_SESSION)) % MAX_INCOMPLETE_UNITS
    );
  }

  #holds(place: number, { session, lane, counter }: Fragment): boolean {
    return this.#session[place] === session && this.#counter[place] === counter && this.#lane[place] === lane;
  }

  #begin(place: number, fragment: Fragment): void {
    if (this.#session[place] === FREE) this.#block[place] = this.#free[--this.#freeCount]!;
    else this.counters.drops[DROP.reassemblyEvicted]!++;
    this.#session[place] = fragment.session;
    this.#lane[place] = fragment.lane;
    this.#counter[place] = fragment.counter;
    this.#fragments[place] = fragment.fragments;
    this.#unitBytes[place] = fragment.unitBytes;
    this.#fragmentBytes[place] = 0;
    this.#missing[place] = fragment.fragments;
    this.#mark[place] = fragment.mark;
    this.#present[place * 2] = 0;
    this.#present[place * 2 + 1] = 0;
  }
}
