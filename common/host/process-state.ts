/** State of a process in `/proc/PID` (proc_pid_stat(5), proc_pid_status(5)). */
import { readFileSync } from 'node:fs';

export interface ProcessState {
  /** One letter: R running, S sleeping, T stopped, t traced, Z zombie, X dead, ... */
  readonly state: string;
  /** Clock ticks since boot. A process id that is used again has another start. */
  readonly startTicks: number;
  /** A process whose first thread has ended is a zombie already while the others end, and holds its descriptors until then. */
  readonly threads: number;
}

/** Places after the name, which may hold spaces and parentheses. */
const STATE = 0;
const THREADS = 17;
const START_TICKS = 19;

/** Null when the process does not exist. */
export function readProcessState(pid: number): ProcessState | null {
  const text = readProcessFile(pid, 'stat');
  if (text === null) return null;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[STATE] ?? '', startTicks: Number(fields[START_TICKS]), threads: Number(fields[THREADS]) };
}

/** Process id of the debugger that traces this process, 0 for none. */
export function tracerOf(pid: number): number {
  return Number(/^TracerPid:\s*(\d+)$/m.exec(readProcessFile(pid, 'status') ?? '')?.[1] ?? 0);
}

function readProcessFile(pid: number, name: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    // The process has ended.
    return null;
  }
}
