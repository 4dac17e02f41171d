/**
 * Limit of the bytes queued below the thread's socket, in the queueing discipline and the network card. That queue is first
 * in, first out over all peers, so everything sent waits behind it. While it is at the limit the thread leaves frames in the
 * queues of the TAP (`tap-queues.ts`), which are served in turn, so that a ping overtakes a stream there. The kernel does the
 * same for its own senders: TCP small queues and byte queue limits (Linux `tcp_limit_output_bytes`, `dynamic_queue_limits`).
 * The socket's buffer alone allows megabytes: 32 ms and more of an interface of 1 Gbit/s.
 *
 * The limit follows the rate of the interface. As in byte queue limits, it is learnt from what the queue does while nothing
 * is added: a queue that ran empty was too short, one that did not tells the rate.
 */
import { NOTHING_CARRIED } from '../carried.js';
import { INSIDE_BUDGET_BYTES, SOCKET_BUFFER_BYTES } from '../limits.js';

/** Queueing time at the limit: long enough for the queue not to run empty before the thread polls again. */
const TARGET_MS = 1.5;
/** How long the thread lets a queue at its limit drain before it checks again. */
export const HELD_MS = 1;
/** Limit before the rate is known: 4 ms of 1 Gbit/s. */
const FIRST_BYTES = 512 * 1024;
const MIN_BYTES = 64 * 1024;
/** Half of what the socket's buffer holds: the kernel doubles the size it is asked for. */
const MAX_BYTES = SOCKET_BUFFER_BYTES;
/** The queue is measured after this many bytes were sent: fewer cannot fill it. */
const UNMEASURED_BYTES = 64 * 1024;
/** A limit that was not reached for this long is forgotten: the rate may have changed. */
const FORGET_MS = 1000;

export class ByteQueueLimit {
  #limitBytes = FIRST_BYTES;
  #readThen = NOTHING_CARRIED;
  #held = false;
  #heldMs = -Infinity;
  /** When the last measurement began, and the bytes queued then; nothing was added since. */
  #measuredMs = 0;
  #measuredBytes = 0;

  /** @param queuedBytes bytes that the kernel holds for the socket, with its own overhead */
  constructor(private readonly queuedBytes: () => number) {}

  /** Bytes the thread should send in one batch: half of the limit, and at least one large frame. */
  get budgetBytes(): number {
    return Math.min(INSIDE_BUDGET_BYTES, Math.max(MIN_BYTES, this.#limitBytes / 2));
  }

  /** True when the queue is at its limit: no frame may be read. `readBytes` is what the thread has read and sent so far. */
  isReached(readBytes: number, nowMs: number): boolean {
    if (!this.#held && readBytes - this.#readThen < UNMEASURED_BYTES) return false;
    const queued = this.queuedBytes();
    if (!this.#held) this.#measureFrom(queued, nowMs);
    else if (queued === 0 || nowMs - this.#measuredMs >= HELD_MS) this.#learn(queued, nowMs);
    if (nowMs - this.#heldMs > FORGET_MS) this.#limitBytes = FIRST_BYTES;
    this.#readThen = readBytes;
    this.#held = queued > this.#limitBytes;
    if (this.#held) this.#heldMs = nowMs;
    return this.#held;
  }

  #measureFrom(queued: number, nowMs: number): void {
    this.#measuredBytes = queued;
    this.#measuredMs = nowMs;
  }

  #learn(queued: number, nowMs: number): void {
    const bytesPerMs = (this.#measuredBytes - queued) / (nowMs - this.#measuredMs);
    const wanted = queued === 0 ? this.#limitBytes * 2 : (this.#limitBytes + bytesPerMs * TARGET_MS) / 2;
    this.#limitBytes = Math.min(MAX_BYTES, Math.max(MIN_BYTES, wanted));
    this.#measureFrom(queued, nowMs);
  }
}
