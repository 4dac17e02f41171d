/** The forwarding thread's standing with the kernel's scheduler. Every call is about the thread that makes it. */
import type { Arena } from './arena.js';
import { sysNanosleep, sysPrctl, sysSchedSetscheduler } from './ffi.js';
import { PR_SET_TIMERSLACK, SCHED_BATCH, SCHED_OTHER, SCHED_PARAM_BYTES, TIMESPEC_BYTES } from './linux-abi.js';

/** How late the kernel may end a pause; without asking it is 50 us. */
const TIMER_SLACK_NS = 1000;

export class ThreadScheduling {
  readonly #timeAt: number;
  readonly #paramAt: number;

  constructor(private readonly arena: Arena) {
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
}
