/**
 * Watch on the parent process, by which a child notices the death of its supervisor: the kernel then gives the child another
 * parent. Polled, since a killed supervisor (`kill -9`) sends nothing.
 */
import { every } from '../clock.js';
import type { Clock } from '../clock.js';

const POLL_MS = 1_000;

export interface ParentWatchOptions {
  /** Value of `SUPERVISOR_PID_VARIABLE` (`common/launch-contract.ts`). Undefined, for a process without supervisor: no watch. */
  readonly supervisorPid: string | undefined;
  readonly parentPid: () => number;
  readonly clock: Clock;
  readonly onOrphaned: () => void;
}

/** Returns a function that ends the watch. */
export function watchParent(options: ParentWatchOptions): () => void {
  const expected = Number(options.supervisorPid);
  if (options.supervisorPid === undefined || !Number.isInteger(expected)) return () => undefined;
  const stop = every(options.clock, POLL_MS, () => {
    if (options.parentPid() === expected) return;
    stop();
    options.onOrphaned();
  });
  return stop;
}
