/**
 * Early datagrams: data units that come before the keys of their session (ADR 0046). The peer seals right behind its confirmation,
 * which the agent still works on. Before it sent the response the agent announced the session index that it chose in it; datagrams
 * with that index wait here, and are opened in order when the session is installed.
 *
 *   agent:     announce(index)                     installSession
 *   datagrams:        | keep  keep  keep  ...  keep |  take  take  take ...
 *
 * Nothing here is authentic: a forger that sees the index fills its places, and what does not open is dropped as always. Bounds: an
 * index is announced for EARLY_MS, and a datagram waits as long; MAX_EARLY_DATAGRAMS_PER_SESSION, EARLY_BYTES_PER_SESSION, and the
 * bytes given to the constructor.
 */
import type { Arena } from '../kernel/arena.js';
import { swap32 } from '../kernel/byte-order.js';
import { SOCKADDR_ROOM } from '../kernel/linux-abi.js';
import { MAX_SESSIONS } from '../../common/protocol.js';
import { DATAGRAM_HEADER_BYTES, INDEX_WORD, sessionSlot, TYPE_DATA } from '../../common/wire/datagram-header.js';
import { EARLY_BYTES_PER_SESSION, EARLY_MS, MAX_EARLY_DATAGRAMS, MAX_EARLY_DATAGRAMS_PER_SESSION } from '../limits.js';
import type { Counters } from '../tables/counters.js';
import { DROP } from '../tables/drop-reasons.js';
import { NOTHING_WAITS, WaitingRecords } from '../tables/waiting-records.js';
import type { Fragment } from './fragment.js';

/** A record: sender's socket address, ECN mark and way (4 bytes each), then the datagram. */
const MARK_AT = SOCKADDR_ROOM;
const WAY_AT = MARK_AT + 4;
const DATAGRAM_AT = WAY_AT + 4;
const DIRECT = 0;
const ENVELOPED = 1;

export class EarlyDatagrams {
  /** Of the datagram last taken: offsets of its header and of its sender's socket address, bytes behind the header, mark. */
  header = 0;
  sender = 0;
  bytes = 0;
  mark = 0;
  /** It came in an envelope of a relay: its sender is not known. */
  isEnveloped = false;
  readonly #records: WaitingRecords;
  /** By slot: the index that is announced, as it stands in a header, 0 without one; and since when. */
  readonly #wireIndexes = new Uint32Array(MAX_SESSIONS);
  readonly #announcedMs = new Float64Array(MAX_SESSIONS);

  /** @param ringBytes of all datagrams with what is kept of them; a multiple of 4 */
  constructor(
    private readonly arena: Arena,
    private readonly counters: Counters,
    ringBytes: number,
  ) {
    this.#records = new WaitingRecords(arena, {
      ringBytes,
      records: MAX_EARLY_DATAGRAMS,
      keys: MAX_SESSIONS - 1,
      bytesPerKey: EARLY_BYTES_PER_SESSION,
      recordsPerKey: MAX_EARLY_DATAGRAMS_PER_SESSION,
      waitMs: EARLY_MS,
    });
  }

  /** The agent has chosen this index for a session, whose keys may come. Again: for EARLY_MS from now on. */
  announce(localIndex: number, nowMs: number): void {
    const slot = sessionSlot(localIndex);
    if (slot === 0 || slot >= MAX_SESSIONS) return;
    const wireIndex = swap32(localIndex);
    if (this.#wireIndexes[slot] !== wireIndex) this.#dropAll(slot);
    this.#wireIndexes[slot] = wireIndex;
    this.#announcedMs[slot] = nowMs;
  }

  /** The index is announced no more: its session is here, or will not come. What waits stays to be taken. */
  end(slot: number): void {
    this.#wireIndexes[slot] = 0;
  }

  /** The session of this index will not come. */
  forget(localIndex: number): void {
    const slot = sessionSlot(localIndex);
    if (slot >= MAX_SESSIONS || this.#wireIndexes[slot] !== swap32(localIndex)) return;
    this.end(slot);
    this.#dropAll(slot);
  }

  /**
   * Copies the datagram with the header at `word` and the bytes of the fragment, whose index is of no session, if it is announced;
   * else it is counted as dropped.
   */
  keep(word: number, fragment: Fragment, isEnveloped: boolean, nowMs: number): void {
    const { u8, u32 } = this.arena;
    const wireIndex = u32[word + INDEX_WORD]!;
    const slot = sessionSlot(swap32(wireIndex));
    const isAnnounced = slot < MAX_SESSIONS && wireIndex !== 0 && this.#wireIndexes[slot] === wireIndex;
    if (!isAnnounced || fragment.type !== TYPE_DATA || nowMs - this.#announcedMs[slot]! >= EARLY_MS) {
      this.counters.drops[DROP.unknownSession]!++;
      return;
    }
    this.expire(nowMs);
    const { at, bytes, sender, mark } = fragment;
    const record = this.#records.reserve(slot, DATAGRAM_AT + DATAGRAM_HEADER_BYTES + bytes, nowMs);
    if (record === NOTHING_WAITS) {
      this.counters.drops[DROP.earlyFull]!++;
      return;
    }
    u8.copyWithin(record, sender, sender + SOCKADDR_ROOM);
    u32[(record + MARK_AT) >>> 2] = mark;
    u32[(record + WAY_AT) >>> 2] = isEnveloped ? ENVELOPED : DIRECT;
    u8.copyWithin(record + DATAGRAM_AT, word << 2, (word << 2) + DATAGRAM_HEADER_BYTES);
    u8.copyWithin(record + DATAGRAM_AT + DATAGRAM_HEADER_BYTES, at, at + bytes);
  }

  /** Takes the oldest datagram of the slot, which lies there until {@link keep} is called. False when there is none. */
  take(slot: number): boolean {
    const record = this.#records.take(slot);
    if (record === NOTHING_WAITS) return false;
    const { u32 } = this.arena;
    this.sender = record;
    this.mark = u32[(record + MARK_AT) >>> 2]!;
    this.isEnveloped = u32[(record + WAY_AT) >>> 2] === ENVELOPED;
    this.header = record + DATAGRAM_AT;
    this.bytes = this.#records.length - DATAGRAM_AT - DATAGRAM_HEADER_BYTES;
    return true;
  }

  /** Drops those that have waited for EARLY_MS. */
  expire(nowMs: number): void {
    while (this.#records.takeDue(nowMs) !== NOTHING_WAITS) this.counters.drops[DROP.earlyExpired]!++;
  }

  #dropAll(slot: number): void {
    while (this.#records.take(slot) !== NOTHING_WAITS) this.counters.drops[DROP.earlyExpired]!++;
  }
}
