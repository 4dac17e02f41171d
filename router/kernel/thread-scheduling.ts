/** Scheduling of the forwarding thread by the kernel: class, timers, waiting time. Every call is about the calling thread. */
import type { Arena } from './arena.js';
import { sysNanosleep, sysOpen, sysPrctl, sysPread, sysSchedSetscheduler } from './ffi.js';
import {
  O_CLOEXEC,
  O_RDONLY,
  PR_SET_TIMERSLACK,
  SCHED_BATCH,
  SCHED_OTHER,
  SCHED_PARAM_BYTES,
  TIMESPEC_BYTES,
} from './linux-abi.js';

/** Timer slack: how late the kernel may end a pause. Its default is 50 us. */
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
    this.#statisticsFd = sysOpen(STATISTICS_PATH, O_RDONLY | O_CLOEXEC);
    this.#timeAt = arena.allocate(TIMESPEC_BYTES);
    // All zero: the priority that both classes have.
    this.#paramAt = arena.allocate(SCHED_PARAM_BYTES);
  }

  /** Lowers the timer slack, so that pauses end on time. */
  usePreciseTimers(): void {
    sysPrctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS, 0, 0, 0);
  }

  /** Sleeps for `us`, less than a second (nanosleep(2)). */
  pause(us: number): void {
    const { u32, base } = this.arena;
    u32[(this.#timeAt + 8) >>> 2] = us * 1000;
    sysNanosleep(base + this.#timeAt, 0);
  }

  /**
   * Chooses the scheduling class (sched(7)): in SCHED_OTHER a wake-up of this thread may preempt the running process, in
   * SCHED_BATCH it waits for the end of that process's time slice. Without effect in a sandbox that forbids the call.
   */
  setPreempting(mayPreempt: boolean): void {
    sysSchedSetscheduler(0, mayPreempt ? SCHED_OTHER : SCHED_BATCH, this.arena.base + this.#paramAt);
  }

  /** Milliseconds that this thread has waited for a processor so far; 0 on a kernel without scheduler statistics. */
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
