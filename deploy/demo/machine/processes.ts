/** Processes as `/proc` shows them. A process may vanish between two looks at it: every look tolerates that. */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { DemoError } from '../../../common/errors.js';

const KILL_TIMEOUT_MS = 3000;
const POLL_INTERVAL_MS = 20;

/** The process ids whose network namespace has this inode. */
export function processesInNamespace(inode: number): number[] {
  return allProcesses().filter((pid) => attempt(() => statSync(`/proc/${pid}/ns/net`).ino, 0) === inode);
}

/** Live processes with this text somewhere on their command line. */
export function processesNaming(text: string): { readonly pid: number; readonly words: readonly string[] }[] {
  const all = allProcesses().map((pid) => ({ pid, words: commandLine(pid) }));
  return all.filter(({ pid, words }) => pid !== process.pid && words.some((word) => word.includes(text)));
}

/** The command line as its words; none when the process is gone. */
export function commandLine(pid: number): string[] {
  return attempt(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'), '')
    .split('\0')
    .filter((word) => word !== '');
}

/** False also for a zombie, which only waits for its parent to look. */
export function isAlive(pid: number): boolean {
  const state = statFields(pid)[0];
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** Process id of the parent; 0 when the process is gone. */
export function parentOf(pid: number): number {
  return Number(statFields(pid)[1] ?? 0);
}

/** Kills (-9) and waits until they are gone. Throws {@link DemoError} when one is still there after 3 seconds. */
export async function kill(pids: readonly number[]): Promise<void> {
  for (const pid of pids) signal(pid, 'SIGKILL');
  if (await waitUntilGone(pids, KILL_TIMEOUT_MS)) return;
  throw new DemoError(`processes survive SIGKILL: ${pids.filter(isAlive).join(', ')}`);
}

export function signal(pid: number, name: NodeJS.Signals): void {
  attempt(() => process.kill(pid, name), false);
}

/** True when all are gone before the time is over. */
export async function waitUntilGone(pids: readonly number[], timeoutMs: number): Promise<boolean> {
  for (let waitedMs = 0; pids.some(isAlive); waitedMs += POLL_INTERVAL_MS) {
    if (waitedMs >= timeoutMs) return false;
    await delay(POLL_INTERVAL_MS);
  }
  return true;
}

function allProcesses(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger);
}

/** The fields of `/proc/PID/stat` from the state on: the name before them may hold anything, even spaces. */
function statFields(pid: number): string[] {
  const text = attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8'), '');
  return text === '' ? [] : text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** A process that is gone is no error here; anything else we may not see is treated alike. */
function attempt<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch {
    return otherwise;
  }
}
