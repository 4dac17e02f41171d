/**
 * Queues of the TAP that belong to one thread: stochastic fair queueing (the idea of RFC 8290, 3) by means of the kernel. The
 * kernel spreads flows over the queues of a multi-queue TAP, each first in, first out with a bound of its own, and the thread
 * serves the non-empty ones in turn. A stream that fills its queue takes neither room nor time from a ping in another one.
 *
 *   pods -> bridge -> kernel: flow -> queue   [||||||||]
 *                                             [|       ]  -> taken in turn, a quantum each
 *                                             [||      ]
 *
 * The kernel sends a flow to the queue by which its last answer was written (tun, "automatic queue steering"), so the
 * queue of a flow is decided here, by the indirection table: queues of other threads included, so that a flow can be moved to
 * another thread. The hash is the same in both directions.
 */
import type { Arena } from '../kernel/arena.js';
import type { IndirectionTable } from './indirection-table.js';
import { sysRead } from '../kernel/ffi.js';
import { IPV4_HEADER_BYTES, IPV6_HEADER_BYTES, PROTOCOL_TCP, PROTOCOL_UDP } from '../packet/frame.js';

/** Bytes read from one queue before the next one is served: one super-frame, or a dozen small frames. */
const QUANTUM_BYTES = 16 * 1024;
/** Cost of a frame besides its bytes, in bytes that take as long. */
const FRAME_COST_BYTES = 1024;
/** Multiplier of Fibonacci hashing: the upper bits of the product depend on all bits of the key. */
const GOLDEN_RATIO = 0x9e3779b1;

export class TapQueues {
  /** Bit `i` is set while queue `i` may have frames. */
  #ready = 0;
  #turn = 0;
  /** Cost of the frames read in this turn, in bytes. */
  #taken = 0;
  /** Queues that this thread reads. */
  readonly #fds: Int32Array;
  /** Queues of all threads. */
  readonly #allFds: Int32Array;

  /**
   * @param allFds of the queues of all threads, non-blocking
   * @param own the range of `allFds` that this thread reads, at most 30
   */
  constructor(
    private readonly arena: Arena,
    allFds: readonly number[],
    own: { readonly first: number; readonly count: number },
    private readonly indirection: IndirectionTable,
  ) {
    this.#allFds = Int32Array.from(allFds);
    this.#fds = this.#allFds.slice(own.first, own.first + own.count);
  }

  get count(): number {
    return this.#fds.length;
  }

  /** Sets which queues may have frames: bit `i` for queue `i`. */
  setReady(bits: number): void {
    this.#ready = bits & ((1 << this.#fds.length) - 1);
  }

  /** Reads the next frame to `at` (an arena offset): its length, or 0 when no queue has one. */
  read(at: number, room: number): number {
    while (this.#ready !== 0) {
      if (this.#taken >= QUANTUM_BYTES || (this.#ready & (1 << this.#turn)) === 0) this.#next();
      const length = sysRead(this.#fds[this.#turn]!, this.arena.base + at, room);
      if (length > 0) {
        this.#taken += length + FRAME_COST_BYTES;
        return length;
      }
      this.#ready &= ~(1 << this.#turn);
    }
    return 0;
  }

  /** The descriptor to write a frame to whose layer 3 header is at `l3`: the kernel steers its flow back to the same queue. */
  fdFor(l3: number, ipv6: boolean): number {
    return this.#allFds.length === 1 ? this.#allFds[0]! : this.#allFds[this.indirection.take(this.hashOf(l3, ipv6))]!;
  }

  /** A descriptor for frames of no flow. */
  get anyFd(): number {
    return this.#fds[0]!;
  }

  /** Hash of a flow, by addresses and ports; 32 bits, the same in both directions. */
  hashOf(l3: number, ipv6: boolean): number {
    const { i32, u8 } = this.arena;
    const word = l3 >>> 2;
    let key = 0;
    if (ipv6) for (let i = 2; i < 10; i++) key ^= i32[word + i]!;
    else key = i32[word + 3]! ^ i32[word + 4]!;
    const protocol = u8[ipv6 ? l3 + 6 : l3 + 9]!;
    const whole = ipv6 || (u8[l3] === 0x45 && ((u8[l3 + 6]! & 0x3f) | u8[l3 + 7]!) === 0);
    if (whole && (protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP)) {
      const ports = i32[(l3 + (ipv6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES)) >>> 2]!;
      key ^= (ports & 0xffff) ^ (ports >>> 16);
    }
    return Math.imul(key, GOLDEN_RATIO);
  }

  #next(): void {
    this.#taken = 0;
    do this.#turn = this.#turn + 1 < this.#fds.length ? this.#turn + 1 : 0;
    while ((this.#ready & (1 << this.#turn)) === 0);
  }
}
