/**
 * Keeps short what waits below the thread's socket, in the queueing discipline and the network card: whatever is sent waits
 * behind it, and there nobody takes flows in turn. While it is long the thread leaves frames where they are, in the queues of
 * the TAP (`tap-queues.ts`), so that a ping overtakes a stream there. TCP small queues and byte queue limits do so in the
 * kernel (Linux `tcp_limit_output_bytes`, `dynamic_queue_limits`); a UDP socket's own buffer ends only at megabytes, 32 ms and
 * more of a 1 Gbit/s link.
 *
 * How much is short depends on the link. As byte queue limits do, it learns from what happens while nothing is added: a queue
 * that ran empty was too short, and one that did not tells the rate of the link.
 */
import { INSIDE_BUDGET_BYTES, SOCKET_BUFFER_BYTES } from '../limits.js';

/** What may wait, as time of the link: long enough not to run dry before the thread looks again. */
const TARGET_MS = 1.5;
/** How long the thread lets the queue drain before it looks again. */
export const HELD_MS = 1;
/** Until the link's rate is known: 4 ms of 1 Gbit/s. */
const FIRST_BYTES = 512 * 1024;
const MIN_BYTES = 64 * 1024;
/** Half of what the socket's buffer holds: the kernel doubles what it is asked for. */
const MAX_BYTES = SOCKET_BUFFER_BYTES;
/** Less than this cannot make the queue long, so it is not asked for. */
const UNNOTICED_BYTES = 64 * 1024;
/** A link that was fast enough for this long may be another one by now. */
const FORGET_MS = 1000;

export class LinkQueue {
  #limitBytes = FIRST_BYTES;
  #readThen = 0;
  #held = false;
  #heldMs = -Infinity;
  /** Since when nothing was added, and how much waited then. */
  #measuredMs = 0;
  #measuredBytes = 0;

  /** @param waiting bytes that the kernel holds for the socket, with its own overhead */
  constructor(private readonly waiting: () => number) {}

  /** How much the thread should take at once: half of what may wait, but a large frame at least. */
  get budgetBytes(): number {
    return Math.min(INSIDE_BUDGET_BYTES, Math.max(MIN_BYTES, this.#limitBytes / 2));
  }

  /** Whether to leave frames where they are. `readBytes` is what the thread has taken and sent so far. */
  isFull(readBytes: number, nowMs: number): boolean {
    if (!this.#held && readBytes - this.#readThen < UNNOTICED_BYTES) return false;
    const waiting = this.waiting();
    if (!this.#held) this.#measureFrom(waiting, nowMs);
    else if (waiting === 0 || nowMs - this.#measuredMs >= HELD_MS) this.#learn(waiting, nowMs);
    if (nowMs - this.#heldMs > FORGET_MS) this.#limitBytes = FIRST_BYTES;
    this.#readThen = readBytes;
    this.#held = waiting > this.#limitBytes;
    if (this.#held) this.#heldMs = nowMs;
    return this.#held;
  }

  #measureFrom(waiting: number, nowMs: number): void {
    this.#measuredBytes = waiting;
    this.#measuredMs = nowMs;
  }

  #learn(waiting: number, nowMs: number): void {
    const bytesPerMs = (this.#measuredBytes - waiting) / (nowMs - this.#measuredMs);
    const wanted = waiting === 0 ? this.#limitBytes * 2 : (this.#limitBytes + bytesPerMs * TARGET_MS) / 2;
    this.#limitBytes = Math.min(MAX_BYTES, Math.max(MIN_BYTES, wanted));
    this.#measureFrom(waiting, nowMs);
  }
}
