/** Poll set of a forwarding thread: the underlay's socket, the wake descriptor, the queues of the TAP that the thread reads. */
import type { Arena } from './kernel/arena.js';
import { sysPoll } from './kernel/ffi.js';
import { POLLERR, POLLFD_BYTES, POLLIN } from './kernel/linux-abi.js';

/** Entries of the set: the queues follow. */
const UNDERLAY = 0;
const WAKE = 1;
const QUEUES = 2;

export class PollSet {
  readonly #at: number;
  readonly #count: number;

  /** @param queueFds at most 30 */
  constructor(
    private readonly arena: Arena,
    {
      udpFd,
      wakeFd,
      queueFds,
    }: { readonly udpFd: number; readonly wakeFd: number; readonly queueFds: readonly number[] },
  ) {
    this.#count = QUEUES + queueFds.length;
    this.#at = arena.allocate(this.#count * POLLFD_BYTES);
    [udpFd, wakeFd, ...queueFds].forEach((fd, entry) => {
      const word = this.#wordOf(entry);
      arena.i32[word] = fd;
      arena.u32[word + 1] = POLLIN;
    });
  }

  /** Waits until a descriptor is ready. False when none is. */
  wait(timeoutMs: number): boolean {
    return sysPoll(this.arena.base + this.#at, this.#count, timeoutMs) > 0;
  }

  /** The same without the queues of the TAP. */
  waitWithoutQueues(timeoutMs: number): boolean {
    return sysPoll(this.arena.base + this.#at, QUEUES, timeoutMs) > 0;
  }

  get underlayIsReady(): boolean {
    return this.#isReady(UNDERLAY);
  }

  get isWoken(): boolean {
    return this.#isReady(WAKE);
  }

  /** The queues that have frames, a bit each. */
  readyQueues(): number {
    let ready = 0;
    for (let entry = QUEUES; entry < this.#count; entry++) if (this.#isReady(entry)) ready |= 1 << (entry - QUEUES);
    return ready;
  }

  /** Whether this entry is ready: its events are the upper half of its second word. */
  #isReady(entry: number): boolean {
    const word = this.#wordOf(entry);
    const events = this.arena.u32[word + 1]! >>> 16;
    // A queue of a deleted TAP is ready for ever; poll(2) skips negative descriptors.
    if (entry >= QUEUES && (events & POLLERR) !== 0) this.arena.i32[word] = -1;
    return events !== 0;
  }

  #wordOf(entry: number): number {
    return (this.#at + entry * POLLFD_BYTES) >>> 2;
  }
}
