/** Clock of agent and supervisor: monotonic time, wall time and timers, as an interface that tests replace. */
import { performance } from 'node:perf_hooks';

export interface Clock {
  /** Milliseconds of a monotonic clock with an arbitrary origin, which NTP and manual changes do not move. */
  nowMs(): number;
  /** Wall-clock time, for times shown to people. */
  wallTime(): Date;
  /** Calls `run` once, `delayMs` from now. The returned function cancels it. */
  after(delayMs: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallTime: () => new Date(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

/** The wall-clock time at which the monotonic clock showed `momentMs`. */
export function wallTimeAt(clock: Clock, momentMs: number): Date {
  return new Date(clock.wallTime().getTime() - (clock.nowMs() - momentMs));
}

/** Calls `run` every `intervalMs` until the returned function is called; the first call comes after one interval. */
export function every(clock: Clock, intervalMs: number, run: () => void): () => void {
  let cancel = clock.after(intervalMs, function fire() {
    cancel = clock.after(intervalMs, fire);
    run();
  });
  return () => cancel();
}
