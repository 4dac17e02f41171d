/**
 * Records that wait under a key, in order: frames for a session with their peer (`inside/inside-reader.ts`), datagrams for the keys
 * of their session (`outside/early-datagrams.ts`). They are taken by key, or are due when they have waited as long as they may.
 *
 *   bytes:   ring  [ . . | record | record | record | . . ]   of all keys, oldest first
 *   records: ring  [ key, offset, length, time, next ]        `next` is the next record of the same key
 *
 * A record that left is skipped when the oldest end of both rings passes it. Records are copied in and handed out where they lie,
 * nothing is allocated. Bounds: those given to the constructor.
 */
import type { Arena } from '../kernel/arena.js';

/** Instead of the offset of a record: there is none. */
export const NOTHING_WAITS = -1;
const NONE = -1;
/** Of no record: neither a peer nor a slot of a session is 0. */
const NO_KEY = 0;

/** Bytes of the ring of one of `lanes` forwarding threads, which have so many together. */
export function ringBytesOf(totalBytes: number, lanes: number): number {
  return Math.floor(totalBytes / lanes) & ~3;
}

export interface WaitingLimits {
  /** Of all records; a multiple of 4. */
  readonly ringBytes: number;
  /** Below 2^15. */
  readonly records: number;
  /** Keys are 1 to this number, below 2^16. */
  readonly keys: number;
  readonly bytesPerKey: number;
  readonly recordsPerKey: number;
  readonly waitMs: number;
}

export class WaitingRecords {
  /** Bytes of the record last taken, and its key. */
  length = 0;
  key = NO_KEY;
  readonly #start: number;
  /** Offset of the first free byte, from the start of the ring. */
  #freeAt = 0;
  /** Position of the oldest record, and how many there are, those that left included. */
  #oldest = 0;
  #count = 0;
  readonly #at: Int32Array;
  readonly #bytes: Int32Array;
  readonly #sinceMs: Float64Array;
  /** NO_KEY when the record left. */
  readonly #key: Uint16Array;
  readonly #next: Int16Array;
  /** By key: its oldest and newest record, and the number and bytes of all. */
  readonly #first: Int16Array;
  readonly #last: Int16Array;
  readonly #keyRecords: Int16Array;
  readonly #keyBytes: Int32Array;

  constructor(
    private readonly arena: Arena,
    private readonly limits: WaitingLimits,
  ) {
    const { ringBytes, records, keys } = limits;
    this.#start = arena.allocate(ringBytes, 4096);
    this.#at = new Int32Array(records);
    this.#bytes = new Int32Array(records);
    this.#sinceMs = new Float64Array(records);
    this.#key = new Uint16Array(records);
    this.#next = new Int16Array(records);
    this.#first = new Int16Array(keys + 1).fill(NONE);
    this.#last = new Int16Array(keys + 1);
    this.#keyRecords = new Int16Array(keys + 1);
    this.#keyBytes = new Int32Array(keys + 1);
  }

  /** When the oldest record is due, Infinity without one. */
  get dueMs(): number {
    return this.#count === 0 ? Infinity : this.#sinceMs[this.#oldest]! + this.limits.waitMs;
  }

  /** Copies the record of `length` bytes at `from`. False when there is no room for it. */
  add(key: number, from: number, length: number, nowMs: number): boolean {
    const at = this.reserve(key, length, nowMs);
    if (at === NOTHING_WAITS) return false;
    this.arena.u8.copyWithin(at, from, from + length);
    return true;
  }

  /** Arena offset, a multiple of 4, of a new record that the caller writes; NOTHING_WAITS when there is no room for it. */
  reserve(key: number, length: number, nowMs: number): number {
    const { records, bytesPerKey, recordsPerKey } = this.limits;
    const bytes = (length + 3) & ~3;
    if (this.#count === records || this.#keyBytes[key]! + bytes > bytesPerKey) return NOTHING_WAITS;
    if (this.#keyRecords[key] === recordsPerKey) return NOTHING_WAITS;
    const at = this.#placeOf(bytes);
    if (at === NONE) return NOTHING_WAITS;
    const record = (this.#oldest + this.#count++) % records;
    this.#freeAt = at + bytes;
    this.#at[record] = at;
    this.#bytes[record] = length;
    this.#sinceMs[record] = nowMs;
    this.#key[record] = key;
    this.#next[record] = NONE;
    if (this.#first[key] === NONE) this.#first[key] = record;
    else this.#next[this.#last[key]!] = record;
    this.#last[key] = record;
    this.#keyRecords[key]!++;
    this.#keyBytes[key] = this.#keyBytes[key]! + bytes;
    return this.#start + at;
  }

  /** Takes the oldest record of the key: its arena offset, valid until the next one comes, or NOTHING_WAITS. */
  take(key: number): number {
    const record = this.#first[key]!;
    if (record === NONE) return NOTHING_WAITS;
    this.#first[key] = this.#next[record]!;
    this.length = this.#bytes[record]!;
    this.key = key;
    this.#keyRecords[key]!--;
    this.#keyBytes[key] = this.#keyBytes[key]! - ((this.length + 3) & ~3);
    this.#key[record] = NO_KEY;
    this.#freeOldest();
    return this.#start + this.#at[record]!;
  }

  /** Whether records wait under the key. */
  holds(key: number): boolean {
    return this.#first[key] !== NONE;
  }

  /** Calls `visit` with the arena offset and the bytes of each record of the key, in order; they go on waiting. */
  each(key: number, visit: (at: number, length: number) => void): void {
    for (let record = this.#first[key]!; record !== NONE; record = this.#next[record]!) {
      visit(this.#start + this.#at[record]!, this.#bytes[record]!);
    }
  }

  /** As {@link take}, the oldest record of all, if it has waited as long as it may. */
  takeDue(nowMs: number): number {
    return nowMs < this.dueMs ? NOTHING_WAITS : this.take(this.#key[this.#oldest]!);
  }

  /** Offset of the first free room of so many bytes, which do not go around the end of the ring; NONE without such room. */
  #placeOf(bytes: number): number {
    const { ringBytes } = this.limits;
    if (this.#count === 0) return bytes <= ringBytes ? 0 : NONE;
    const oldestAt = this.#at[this.#oldest]!;
    if (this.#freeAt <= oldestAt) return bytes <= oldestAt - this.#freeAt ? this.#freeAt : NONE;
    if (bytes <= ringBytes - this.#freeAt) return this.#freeAt;
    return bytes <= oldestAt ? 0 : NONE;
  }

  /** Moves the oldest end over records that left. */
  #freeOldest(): void {
    while (this.#count > 0 && this.#key[this.#oldest] === NO_KEY) {
      this.#oldest = (this.#oldest + 1) % this.limits.records;
      this.#count--;
    }
  }
}
