/** Meter of processor time: reads `/proc` before and after some work. The arithmetic is in `processor-time.ts`. */
import { readFileSync, readdirSync } from 'node:fs';
import { parseMachineTime, parseProcessTime, processorUse } from './processor-time.js';
import type { ProcessTime, ProcessorSnapshot, ProcessorUse } from './processor-time.js';

export interface Metered<T> {
  readonly result: T;
  readonly use: ProcessorUse;
}

/** Result of `work`, and the use of the processors during it. All descendants of this process count as ours. */
export async function metered<T>(work: () => Promise<T>): Promise<Metered<T>> {
  const before = takeSnapshot();
  const result = await work();
  return { result, use: processorUse(before, takeSnapshot(), process.pid) };
}

function takeSnapshot(): ProcessorSnapshot {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const machine = parseMachineTime(readFileSync('/proc/stat', 'utf8'));
  const processes = pids.map(readProcess).filter((process) => process !== null);
  return { atMs: performance.now(), ...machine, processes };
}

/** Null when it has ended since it was listed. */
export function readProcess(pid: string): ProcessTime | null {
  try {
    return parseProcessTime(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return null;
  }
}
