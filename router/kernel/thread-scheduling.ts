/** The forwarding thread's standing with the kernel's scheduler. Every call is about the thread that makes it. */
import type { Arena } from './arena.js';
import { sysNanosleep, sysOpen, sysPrctl, sysPread, sysSchedSetscheduler } from './ffi.js';
import {
  O_RDONLY,
  PR_SET_TIMERSLACK,
  SCHED_BATCH,
  SCHED_OTHER,
  SCHED_PARAM_BYTES,
  TIMESPEC_BYTES,
} from './linux-abi.js';

/** How late the kernel may end a pause; without asking it is 50 us. */
const TIMER_SLACK_NS = 1000;
/** Three numbers: ns on a processor, ns waiting for one, and how often (Linux `sched-stats.txt`). */
const STATISTICS_PATH = '/proc/thread-self/schedstat';
const STATISTICS_BYTES = 64;
const SPACE = 0x20;
const ZERO = 0x30;
const NS_PER_MS = 1e6;

export class ThreadScheduling {
  readonly #statisticsAt: number;
  readonly #statisticsFd: number;
  readonly #timeAt: number;
  readonly #paramAt: number;

  constructor(private readonly arena: Arena) {
    this.#statisticsAt = arena.allocate(STATISTICS_BYTES);
    this.#statisticsFd = sysOpen(STATISTICS_PATH, O_RDONLY);
    this.#timeAt = arena.allocate(TIMESPEC_BYTES);
    // All zero: the priority that both classes have.
    this.#paramAt = arena.allocate(SCHED_PARAM_BYTES);
  }

  /** Makes pauses as short as they are meant to be. */
  usePreciseTimers(): void {
    sysPrctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS, 0, 0, 0);
  }

  /** Sleeps for less than a second, whatever comes (nanosleep(2)). */
  pause(us: number): void {
    const { u32, base } = this.arena;
    u32[(this.#timeAt + 8) >>> 2] = us * 1000;
    sysNanosleep(base + this.#timeAt, 0);
  }

  /**
   * Whether this thread, when it wakes, may interrupt another on its processor (SCHED_OTHER), or waits for that one's time
   * to be up (SCHED_BATCH, sched(7)). Where a sandbox forbids it nothing changes.
   */
  setInterrupting(mayInterrupt: boolean): void {
    sysSchedSetscheduler(0, mayInterrupt ? SCHED_OTHER : SCHED_BATCH, this.arena.base + this.#paramAt);
  }

  /** For how long this thread has waited for a processor so far, milliseconds. Always 0 on a kernel that does not count it. */
  waitedMs(): number {
    const { u8, base } = this.arena;
    const start = this.#statisticsAt;
    const end = start + Math.max(0, sysPread(this.#statisticsFd, base + start, STATISTICS_BYTES, 0));
    let at = start;
    while (at < end && u8[at] !== SPACE) at++;
    let ns = 0;
    for (at++; at < end && u8[at] !== SPACE; at++) ns = ns * 10 + u8[at]! - ZERO;
    return ns / NS_PER_MS;
  }
}
