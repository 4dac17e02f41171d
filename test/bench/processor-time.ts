/**
 * Use of the processors, from the texts of `/proc` (proc(5)): busy time of the machine between two snapshots, and how
 * much of it belongs to processes outside this run. Pure; `processor-meter.ts` reads `/proc`.
 *
 * ```
 *   busy of /proc/stat = this run + kernel threads, softirqs + others
 *                        `-------- counts as ours ---------'
 * ```
 * Kernel work caused by others outside their own time counts as ours, as it cannot be told apart.
 */

/** USER_HZ, the unit of times in `/proc`, on every architecture that Heddle runs on. */
const TICKS_PER_SECOND = 100;
/** PF_KTHREAD of linux/sched.h, in the flags of `/proc/PID/stat`. */
const KERNEL_THREAD_FLAG = 0x0020_0000;
/** Fields of `/proc/PID/stat` counted from the state, which is the first after the name. */
const FIELD = {
  parent: 1,
  flags: 6,
  user: 11,
  system: 12,
  childrenUser: 13,
  childrenSystem: 14,
  startTime: 19,
} as const;

export interface ProcessTime {
  readonly pid: number;
  /** Tells apart two processes that had the same id. */
  readonly startTime: string;
  readonly parent: number;
  readonly isKernelThread: boolean;
  readonly seconds: number;
  /** Of children that have ended and were waited for, and their children. */
  readonly childrenSeconds: number;
}

/** Snapshot of `/proc`. */
export interface ProcessorSnapshot {
  readonly atMs: number;
  readonly busySeconds: number;
  /** Taken by the hypervisor. */
  readonly stolenSeconds: number;
  readonly processes: readonly ProcessTime[];
}

/** Between two snapshots. */
export interface ProcessorUse {
  readonly seconds: number;
  /** CPU seconds of this run: busy without what others used. */
  readonly ownCpuSeconds: number;
  /** Cores used by others and the hypervisor. Null in a process namespace that hides others; they count as ours then. */
  readonly disturbingCores: number | null;
}

/** @param text `/proc/stat` */
export function parseMachineTime(text: string): Pick<ProcessorSnapshot, 'busySeconds' | 'stolenSeconds'> {
  const ticks = /^cpu +(.*)$/m.exec(text)?.[1]?.split(' ').map(Number) ?? [];
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, stolen = 0] = ticks;
  return {
    busySeconds: (user + nice + system + irq + softirq) / TICKS_PER_SECOND,
    stolenSeconds: stolen / TICKS_PER_SECOND,
  };
}

/** @param text `/proc/PID/stat`; null when it is empty or cut, as of a process that is just ending */
export function parseProcessTime(text: string): ProcessTime | null {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = (first: number, second: number): number =>
    (Number(fields[first]) + Number(fields[second])) / TICKS_PER_SECOND;
  const startTime = fields[FIELD.startTime];
  if (startTime === undefined) return null;
  return {
    pid: Number.parseInt(text, 10),
    startTime,
    parent: Number(fields[FIELD.parent]),
    isKernelThread: (Number(fields[FIELD.flags]) & KERNEL_THREAD_FLAG) !== 0,
    seconds: ticks(FIELD.user, FIELD.system),
    childrenSeconds: ticks(FIELD.childrenUser, FIELD.childrenSystem),
  };
}

/** @param ownPid the process that, with all its descendants, is this run */
export function processorUse(before: ProcessorSnapshot, after: ProcessorSnapshot, ownPid: number): ProcessorUse {
  const seconds = (after.atMs - before.atMs) / 1000;
  const busySeconds = after.busySeconds - before.busySeconds;
  const others = Math.min(busySeconds, othersCpuSeconds(before.processes, after.processes, ownPid));
  const stolen = after.stolenSeconds - before.stolenSeconds;
  // Threads of the kernel are seen from everywhere but from inside a process namespace.
  const seesAll = after.processes.some((process) => process.isKernelThread);
  return {
    seconds,
    ownCpuSeconds: busySeconds - others,
    disturbingCores: seesAll ? (others + stolen) / seconds : null,
  };
}

/**
 * Time of processes that belong neither to this run nor to the kernel. For one that ended in between the time that its
 * parent inherited is used; if nobody waited for it, its time is unknown.
 */
function othersCpuSeconds(before: readonly ProcessTime[], after: readonly ProcessTime[], ownPid: number): number {
  const own = new Set([...descendants(before, ownPid), ...descendants(after, ownPid)]);
  const isOther = (process: ProcessTime): boolean => !process.isKernelThread && !own.has(process.pid);
  const earlier = new Map(before.filter(isOther).map((process) => [keyOf(process), process]));
  let live = 0;
  let inherited = 0;
  for (const process of after.filter(isOther)) {
    const then = earlier.get(keyOf(process));
    live += process.seconds - (then?.seconds ?? 0);
    inherited += process.childrenSeconds - (then?.childrenSeconds ?? 0);
    earlier.delete(keyOf(process));
  }
  const usedBeforeByEnded = [...earlier.values()].reduce((sum, p) => sum + p.seconds + p.childrenSeconds, 0);
  return live + Math.max(0, inherited - usedBeforeByEnded);
}

/** A parent is not always listed before its children: ids wrap around. */
function descendants(processes: readonly ProcessTime[], root: number): Set<number> {
  const children = new Map<number, number[]>();
  for (const { pid, parent } of processes) children.set(parent, [...(children.get(parent) ?? []), pid]);
  const found = new Set<number>();
  const open = [root];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    found.add(pid);
    open.push(...(children.get(pid) ?? []));
  }
  return found;
}

function keyOf(process: ProcessTime): string {
  return `${process.pid} ${process.startTime}`;
}
