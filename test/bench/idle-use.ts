/** CPU and memory of an idle node's processes, from the texts of `/proc` (proc(5)). Pure. */
import { BenchError } from '../../common/errors.js';
import type { ProcessTime } from './processor-time.js';

const KIB_PER_MIB = 1024;

/** One process at one moment. */
export interface ProcessLook {
  readonly name: string;
  readonly time: ProcessTime;
  readonly residentMiB: number;
}

export interface IdleUse {
  /** Includes children that ended in between, as the agent's calls of `ip`. */
  readonly corePercent: number;
  /** Sum over the processes. Shared pages count in each. */
  readonly residentMiB: number;
}

/**
 * Mean over the nodes. Throws {@link BenchError} when a process was replaced.
 * @param before the processes of all nodes, in the same order as `after`
 */
export function idleUse(
  before: readonly ProcessLook[],
  after: readonly ProcessLook[],
  interval: { readonly nodes: number; readonly seconds: number },
): IdleUse {
  const cpuSeconds = after.map((process, i) => {
    const earlier = before[i]?.time;
    if (earlier?.pid !== process.time.pid || earlier.startTime !== process.time.startTime) {
      throw new BenchError(`${process.name} was started again meanwhile`);
    }
    return usedSeconds(process.time) - usedSeconds(earlier);
  });
  const residentMiB = after.map((process) => process.residentMiB);
  return {
    corePercent: (100 * sum(cpuSeconds)) / interval.seconds / interval.nodes,
    residentMiB: sum(residentMiB) / interval.nodes,
  };
}

/** @param text `/proc/PID/status`; null when it has no such line, as of a process that is ending */
export function parseResidentMiB(text: string): number | null {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1];
  return kib === undefined ? null : Number(kib) / KIB_PER_MIB;
}

function usedSeconds({ seconds, childrenSeconds }: ProcessTime): number {
  return seconds + childrenSeconds;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
