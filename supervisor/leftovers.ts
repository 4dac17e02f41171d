/**
 * Children that a killed supervisor left behind. A hung or stopped child does not end by itself, and holds sockets that the
 * next one needs. Each supervisor records its children in the run directory; the next one kills those that still run.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { bootId } from '../common/host/boot.js';
import type { Logger } from '../common/log.js';
import { codeOf, messageOf } from '../common/errors.js';
import { readProcessState } from '../common/host/process-state.js';
import type { ProcessState } from '../common/host/process-state.js';

export interface RecordedChild {
  readonly name: string;
  readonly pid: number;
  readonly startTicks: number;
}

/** Of a kernel that ran before the last boot, no process is left. */
interface ChildrenRecord {
  readonly bootId: string;
  readonly children: readonly RecordedChild[];
}

export interface LeftoversDeps {
  /** Path of the record. */
  readonly path: string;
  readonly log: Logger;
  readonly stateOf?: (pid: number) => ProcessState | null;
  readonly kill?: (pid: number) => void;
  readonly wait?: (ms: number) => Promise<void>;
}

const POLL_MS = 10;
/** A killed process ends within milliseconds, unless a system call of it hangs. */
const GONE_WITHIN_MS = 3_000;

export class Leftovers {
  readonly #stateOf: (pid: number) => ProcessState | null;
  /** By name: one child each. */
  readonly #children = new Map<string, RecordedChild>();

  constructor(readonly deps: LeftoversDeps) {
    this.#stateOf = deps.stateOf ?? readProcessState;
  }

  /** Records a child that was started, in place of the one with the same name. */
  record(name: string, pid: number): void {
    const state = this.#stateOf(pid);
    if (state === null) return;
    // A stand-by that became the router.
    for (const other of this.#children.values()) if (other.pid === pid) this.#children.delete(other.name);
    this.#children.set(name, { name, pid, startTicks: state.startTicks });
    const record: ChildrenRecord = { bootId: bootId(), children: [...this.#children.values()] };
    try {
      writeFileSync(this.deps.path, JSON.stringify(record), { mode: 0o600 });
    } catch (thrown) {
      this.deps.log.warn({ path: this.deps.path, error: messageOf(thrown) }, 'children could not be recorded');
    }
  }

  /** Recorded children of an earlier supervisor that still run. */
  running(): RecordedChild[] {
    return readRecord(this.deps.path).filter((child) => this.#runs(child));
  }

  /** Whether it runs and is not stopped. */
  works(child: RecordedChild): boolean {
    return this.#runs(child) && this.#stateOf(child.pid)?.state !== 'T';
  }

  /** Kills `children` and resolves when they are gone, or after 3 s with a line in the log. */
  async end(children: readonly RecordedChild[]): Promise<void> {
    const { log, kill = killProcess, wait = delay } = this.deps;
    for (const { name, pid } of children.filter((child) => this.#runs(child))) {
      log.warn({ child: name, childPid: pid }, 'child of a supervisor that is gone still runs and is killed');
      kill(pid);
    }
    for (let waitedMs = 0; waitedMs < GONE_WITHIN_MS; waitedMs += POLL_MS) {
      if (!children.some((child) => this.#runs(child))) return;
      await wait(POLL_MS);
    }
    const pids = children.filter((child) => this.#runs(child)).map(({ pid }) => pid);
    log.error({ childPids: pids }, `children still run ${GONE_WITHIN_MS / 1000} s after SIGKILL`);
  }

  #runs({ pid, startTicks }: RecordedChild): boolean {
    const state = this.#stateOf(pid);
    if (state === null || state.startTicks !== startTicks) return false;
    return !['Z', 'X'].includes(state.state) || state.threads > 1;
  }
}

/** Empty without a usable record of this boot. */
function readRecord(path: string): readonly RecordedChild[] {
  try {
    const record = JSON.parse(readFileSync(path, 'utf8')) as ChildrenRecord;
    return record.bootId === bootId() ? record.children.filter(isChild) : [];
  } catch {
    // The first supervisor of this run directory finds none; a damaged record says nothing.
    return [];
  }
}

function isChild({ name, pid, startTicks }: RecordedChild): boolean {
  return typeof name === 'string' && Number.isInteger(pid) && pid > 1 && Number.isInteger(startTicks);
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (thrown) {
    // ESRCH: it ended by itself.
    if (codeOf(thrown) !== 'ESRCH') throw thrown;
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
