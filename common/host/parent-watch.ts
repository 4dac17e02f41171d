/**
 * How a child learns that its supervisor died: a process whose parent is gone gets another parent. Polled, because a
 * `kill -9` leaves nobody behind to tell.
 */
import { every } from '../clock.js';
import type { Clock } from '../clock.js';

const POLL_MS = 1_000;

export interface ParentWatchOptions {
  /** The value of `SUPERVISOR_PID_VARIABLE` (`common/launch-contract.ts`); undefined when nobody supervises, and then nothing is watched. */
  readonly supervisorPid: string | undefined;
  readonly parentPid: () => number;
  readonly clock: Clock;
  readonly onOrphaned: () => void;
}

/** Returns the function that ends the watch. */
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
