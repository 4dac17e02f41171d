/** Processor time of the threads of a process, from `/proc/PID/task` (proc(5)). */
import { readFileSync, readdirSync } from 'node:fs';

/** By thread id. */
export type ThreadTimes = ReadonlyMap<string, { readonly name: string; readonly ns: number }>;

/** Nanoseconds on a processor so far; empty when the process is gone. */
export function threadTimes(pid: number): ThreadTimes {
  const folder = `/proc/${pid}/task`;
  const threads = attempt(() => readdirSync(folder), []);
  return new Map(
    threads.flatMap((id) => {
      const text = attempt(() => readFileSync(`${folder}/${id}/schedstat`, 'utf8'), '');
      const name = attempt(() => readFileSync(`${folder}/${id}/comm`, 'utf8'), '').trim();
      return text === '' ? [] : [[id, { name, ns: parseSchedstat(text) }] as const];
    }),
  );
}

/** @param text `on the processor, waiting, times it ran`, in nanoseconds (Documentation/scheduler/sched-stats.rst) */
export function parseSchedstat(text: string): number {
  return Number(text.split(' ')[0]);
}

/** Processor time between two readings, in percent of a core, by thread id. A thread that began in between counts from zero. */
export function percentOfCore(before: ThreadTimes, after: ThreadTimes, elapsedMs: number): Map<string, number> {
  return new Map(
    Array.from(after, ([id, { ns }]) => [id, (ns - (before.get(id)?.ns ?? 0)) / (elapsedMs * 1e4)] as const),
  );
}

/** A thread or process that is gone is no error here. */
function attempt<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch {
    return otherwise;
  }
}
