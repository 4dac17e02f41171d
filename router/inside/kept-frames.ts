/**
 * Copies of frames that were sent while nothing was heard of their peer (ADR 0048): on a link without traffic nothing shows that the
 * peer is still there. The copies are sent again when its path or its session becomes another one. They end when the peer answers a
 * probe that followed them, and after WAIT_FOR_SESSION_MS: if nothing was heard at all, their senders are told.
 *
 * A link on which something is heard costs one comparison for each unit.
 */
import { MAX_PEERS } from '../../common/protocol.js';
import type { Arena } from '../kernel/arena.js';
import { KEPT_BYTES, MAX_KEPT_FRAMES, UNHEARD_MS, WAIT_FOR_SESSION_MS, WAITING_BYTES_PER_PEER } from '../limits.js';
import type { Counters } from '../tables/counters.js';
import type { Peers } from '../tables/peers.js';
import { NO_SESSION } from '../tables/peers.js';
import { NOTHING_WAITS, ringBytesOf, WaitingRecords } from '../tables/waiting-records.js';

interface Kept {
  /** When the first of them was sent. */
  readonly sinceMs: number;
  /** Where they were sent last, and in which session. */
  moves: number;
  session: number;
}

export class KeptFrames {
  /** Peers to which frames were kept since the set was cleared: they are to be asked. */
  readonly unheard = new Set<number>();
  readonly #records: WaitingRecords;
  /** Bounded by MAX_KEPT_FRAMES. */
  readonly #kept = new Map<number, Kept>();
  /** When it was last shown, other than by what this thread hears, that the peer is there. */
  readonly #provenMs = new Float64Array(MAX_PEERS + 1).fill(-Infinity);

  constructor(
    arena: Arena,
    private readonly peers: Peers,
    private readonly counters: Counters,
    lanes: number,
  ) {
    this.#records = new WaitingRecords(arena, {
      ringBytes: ringBytesOf(KEPT_BYTES, lanes),
      records: MAX_KEPT_FRAMES,
      keys: MAX_PEERS,
      bytesPerKey: WAITING_BYTES_PER_PEER,
      recordsPerKey: MAX_KEPT_FRAMES,
      waitMs: WAIT_FOR_SESSION_MS,
    });
  }

  /** Whether frames are kept, or peers to be asked. */
  get isActive(): boolean {
    return this.#kept.size > 0 || this.unheard.size > 0;
  }

  /** When {@link takeDue} has the next frame, Infinity for never. */
  get dueMs(): number {
    return this.#records.dueMs;
  }

  /** Bytes of the frame last taken. */
  get length(): number {
    return this.#records.length;
  }

  /** Whether frames to the peer are to be kept. */
  isUnheard(peer: number, nowMs: number): boolean {
    return nowMs - this.#heardMs(peer) >= UNHEARD_MS || (this.#kept.size > 0 && this.#kept.has(peer));
  }

  /** Keeps a copy of a frame that is about to be sent; without room it is only sent. */
  keep(peer: number, from: number, length: number, nowMs: number): void {
    this.unheard.add(peer);
    if (!this.#records.add(peer, from, length, nowMs) || this.#kept.has(peer)) return;
    const [moves, session] = [this.peers.moves[peer]!, this.peers.activeSession[peer]!];
    this.#kept.set(peer, { sinceMs: nowMs, moves, session });
  }

  /** A session with the peer became active, or another thread heard it. */
  prove(peer: number, nowMs: number): void {
    this.#provenMs[peer] = nowMs;
  }

  /** Drops the copies: the peer has answered behind them, or is gone. */
  forget(peer: number): void {
    if (!this.#kept.delete(peer)) return;
    while (this.#records.take(peer) !== NOTHING_WAITS);
  }

  /** Calls `send` with each peer whose frames now go another way than they went. */
  sendMoved(send: (peer: number) => void): void {
    const { peers } = this;
    for (const [peer, kept] of this.#kept) {
      const [moves, session] = [peers.moves[peer]!, peers.activeSession[peer]!];
      if (kept.moves === moves && kept.session === session) continue;
      if (session === NO_SESSION || !(peers.isDirect(peer) || peers.isRelayed(peer))) continue;
      kept.moves = moves;
      kept.session = session;
      send(peer);
      // Where it was heard, it gets them.
      if (this.#heardMs(peer) >= kept.sinceMs) this.forget(peer);
    }
  }

  /** Calls `visit` with the place and length of each frame that is kept of the peer, in order. */
  each(peer: number, visit: (at: number, length: number) => void): void {
    this.#records.each(peer, visit);
  }

  /** Takes the oldest frame that was kept as long as it may be and that nothing was heard after; NOTHING_WAITS without one. */
  takeDue(nowMs: number): number {
    for (let at = this.#records.takeDue(nowMs); at !== NOTHING_WAITS; at = this.#records.takeDue(nowMs)) {
      const peer = this.#records.key;
      const sinceMs = this.#kept.get(peer)?.sinceMs ?? -Infinity;
      if (!this.#records.holds(peer)) this.#kept.delete(peer);
      if (this.#heardMs(peer) < sinceMs) return at;
    }
    return NOTHING_WAITS;
  }

  #heardMs(peer: number): number {
    return Math.max(this.counters.heardOnPathMs(peer), this.#provenMs[peer]!);
  }
}
