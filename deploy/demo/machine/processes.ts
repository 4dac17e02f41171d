/** Processes in `/proc`: search, state, signals. A process may end at any time; no function fails for that reason. */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { DemoError } from '../../../common/errors.js';

const KILL_TIMEOUT_MS = 3000;
const POLL_INTERVAL_MS = 20;

/** Ids of the processes whose network namespace has this inode. */
export function processesInNamespace(inode: number): number[] {
  return allProcesses().filter((pid) => attempt(() => namespaceOf(pid), 0) === inode);
}

/** Of a thread beside the main one, where there is one: an agent's main thread visits the namespaces of pods. */
function namespaceOf(pid: number): number {
  const [main, other = main] = readdirSync(`/proc/${pid}/task`);
  return statSync(`/proc/${pid}/task/${other}/ns/net`).ino;
}

/** Live processes with this text in their command line. */
export function processesNaming(text: string): { readonly pid: number; readonly words: readonly string[] }[] {
  const all = allProcesses().map((pid) => ({ pid, words: commandLine(pid) }));
  return all.filter(({ pid, words }) => pid !== process.pid && words.some((word) => word.includes(text)));
}

/** Words of the command line; none when the process does not exist. */
export function commandLine(pid: number): string[] {
  return attempt(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'), '')
    .split('\0')
    .filter((word) => word !== '');
}

/** False also for a zombie. */
export function isAlive(pid: number): boolean {
  const state = statFields(pid)[0];
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** Process id of the parent; 0 when the process is gone. */
export function parentOf(pid: number): number {
  return Number(statFields(pid)[1] ?? 0);
}

/** Kills the processes (-9) and waits for their end. Throws {@link DemoError} when one still exists after 3 s. */
export async function kill(pids: readonly number[]): Promise<void> {
  for (const pid of pids) signal(pid, 'SIGKILL');
  if (await waitUntilGone(pids, KILL_TIMEOUT_MS)) return;
  throw new DemoError(
    `processes still exist ${KILL_TIMEOUT_MS / 1000} s after SIGKILL: ${pids.filter(isAlive).join(', ')}`,
  );
}

export function signal(pid: number, name: NodeJS.Signals): void {
  attempt(() => process.kill(pid, name), false);
}

/** Whether all processes end within the time. */
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

/** Fields of `/proc/PID/stat` from the state on. The name before them may hold spaces and parentheses. */
function statFields(pid: number): string[] {
  const text = attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8'), '');
  return text === '' ? [] : text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** Gives `otherwise` on any error: the process has ended, or may not be read. */
function attempt<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch {
    return otherwise;
  }
}
