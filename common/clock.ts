/** Time as the agent and the supervisor see it, behind a port so that tests can turn it by hand. */
import { performance } from 'node:perf_hooks';

export interface Clock {
  /** Milliseconds of a monotonic clock with an arbitrary origin: unmoved by NTP or by hand. */
  nowMs(): number;
  /** Wall-clock time, for people only. */
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
