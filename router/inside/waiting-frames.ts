/**
 * Frames that wait for a session with their peer. The first frame to a peer without a session asks for one (`wantedPeers` of the
 * reader); it and those behind it leave in order when the session is there, or are refused after {@link WAIT_FOR_SESSION_MS}.
 *
 *   bytes:   ring  [ . . | record | record | record | . . ]   of all peers, oldest first
 *   records: ring  [ peer, offset, length, time, next ]       `next` is the next record of the same peer
 *
 * A record that left is skipped when the oldest end of both rings passes it. Records are copied in and out, nothing is
 * allocated. Bounds: WAITING_BYTES_PER_PEER, the bytes given to the constructor, MAX_WAITING_FRAMES.
 */
import { MAX_PEERS } from '../../common/protocol.js';
import type { Arena } from '../kernel/arena.js';
import { MAX_WAITING_FRAMES, WAIT_FOR_SESSION_MS, WAITING_BYTES_PER_PEER } from '../limits.js';
import { NO_PEER } from '../tables/peers.js';

/** Instead of the offset of a record: there is none. */
export const NOTHING_WAITS = -1;
const NONE = -1;

export class WaitingFrames {
  /** Bytes of the record last taken. */
  length = 0;
  readonly #start: number;
  /** Offset of the first free byte, from the start of the ring. */
  #freeAt = 0;
  /** Position of the oldest record, and how many there are, those that left included. */
  #oldest = 0;
  #count = 0;
  readonly #at = new Int32Array(MAX_WAITING_FRAMES);
  readonly #bytes = new Int32Array(MAX_WAITING_FRAMES);
  readonly #sinceMs = new Float64Array(MAX_WAITING_FRAMES);
  /** NO_PEER when the record left. */
  readonly #peer = new Uint16Array(MAX_WAITING_FRAMES);
  readonly #next = new Int16Array(MAX_WAITING_FRAMES);
  /** By peer: its oldest and newest record, and the bytes of all. */
  readonly #first = new Int16Array(MAX_PEERS + 1).fill(NONE);
  readonly #last = new Int16Array(MAX_PEERS + 1);
  readonly #peerBytes = new Int32Array(MAX_PEERS + 1);

  /** @param ringBytes of all records; a multiple of 4 */
  constructor(
    private readonly arena: Arena,
    private readonly ringBytes: number,
  ) {
    this.#start = arena.allocate(ringBytes, 4096);
  }

  /** When the oldest record is due, Infinity without one. */
  get dueMs(): number {
    return this.#count === 0 ? Infinity : this.#sinceMs[this.#oldest]! + WAIT_FOR_SESSION_MS;
  }

  /** Copies the record of `length` bytes at `from`. False when there is no room for it. */
  add(peer: number, from: number, length: number, nowMs: number): boolean {
    const bytes = (length + 3) & ~3;
    if (this.#count === MAX_WAITING_FRAMES || this.#peerBytes[peer]! + bytes > WAITING_BYTES_PER_PEER) return false;
    const at = this.#placeOf(bytes);
    if (at === NONE) return false;
    const record = (this.#oldest + this.#count++) % MAX_WAITING_FRAMES;
    this.arena.u8.copyWithin(this.#start + at, from, from + length);
    this.#freeAt = at + bytes;
    this.#at[record] = at;
    this.#bytes[record] = length;
    this.#sinceMs[record] = nowMs;
    this.#peer[record] = peer;
    this.#next[record] = NONE;
    if (this.#first[peer] === NONE) this.#first[peer] = record;
    else this.#next[this.#last[peer]!] = record;
    this.#last[peer] = record;
    this.#peerBytes[peer] = this.#peerBytes[peer]! + bytes;
    return true;
  }

  /** Takes the oldest record of the peer: its arena offset, valid until the next `add`, or NOTHING_WAITS. */
  take(peer: number): number {
    const record = this.#first[peer]!;
    if (record === NONE) return NOTHING_WAITS;
    this.#first[peer] = this.#next[record]!;
    this.length = this.#bytes[record]!;
    this.#peerBytes[peer] = this.#peerBytes[peer]! - ((this.length + 3) & ~3);
    this.#peer[record] = NO_PEER;
    this.#freeOldest();
    return this.#start + this.#at[record]!;
  }

  /** The same for the oldest record of all, if it has waited for WAIT_FOR_SESSION_MS. */
  takeDue(nowMs: number): number {
    return nowMs < this.dueMs ? NOTHING_WAITS : this.take(this.#peer[this.#oldest]!);
  }

  /** Offset of the first free room of so many bytes, which do not go around the end of the ring; NONE without such room. */
  #placeOf(bytes: number): number {
    if (this.#count === 0) return bytes <= this.ringBytes ? 0 : NONE;
    const oldestAt = this.#at[this.#oldest]!;
    if (this.#freeAt <= oldestAt) return bytes <= oldestAt - this.#freeAt ? this.#freeAt : NONE;
    if (bytes <= this.ringBytes - this.#freeAt) return this.#freeAt;
    return bytes <= oldestAt ? 0 : NONE;
  }

  /** Moves the oldest end over records that left. */
  #freeOldest(): void {
    while (this.#count > 0 && this.#peer[this.#oldest] === NO_PEER) {
      this.#oldest = (this.#oldest + 1) % MAX_WAITING_FRAMES;
      this.#count--;
    }
  }
}
