/**
 * Programs of the host, started without a copy of the agent (`router/kernel/program-spawner.ts`), which has more memory than a
 * fork for each of the programs of a CNI call can afford. Their output is read as it comes; a program that ended is waited for.
 * `nsenter --net=PATH PROGRAM` is started as PROGRAM alone, by a thread that stays in the namespace for that moment.
 */
import { Socket } from 'node:net';
import { constants as system } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  createCommandRunner,
  DEFAULT_LIMITS,
  PROGRAM_ENVIRONMENT,
  SEARCH_PATH,
  startByNode,
} from '../common/host/command.js';
import type { CommandRunner, RunningProgram, StartProgram } from '../common/host/command.js';
import { isExecutable } from '../common/host/executable.js';
import { HeddleError, messageOf } from '../common/errors.js';
import { workOnProcFiles } from './proc-files.js';
import { endOfProgram, inNetworkNamespace, spawnProgram } from '../router/index.js';
import type { SpawnedProgram } from '../router/index.js';

/** A program closes its output when it ends, as a rule. */
const LOOK_AGAIN_MS = 2;
const NET_OPTION = '--net=';
const ENVIRONMENT = Object.entries(PROGRAM_ENVIRONMENT).map(([name, value]) => `${name}=${value}`);
const SIGNAL_NAMES = new Map(Object.entries(system.signals).map(([name, number]) => [number, name]));
/** By name. Bounded by the programs that the agent uses. */
const paths = new Map<string, string>();

const programs = createCommandRunner(DEFAULT_LIMITS, startSpawned);

/** The agent's runner of host programs. Those of `proc-files.ts` it does itself: a look at the host has a dozen of them. */
export const agentCommands: CommandRunner = {
  run: (program, args, input) => workOnProcFiles(program, args, input) ?? programs.run(program, args, input),
};

function startSpawned(program: string, args: readonly string[], input: Parameters<StartProgram>[2]): RunningProgram {
  if (input.fd === null) return startByNode(program, args, input);
  try {
    return new Spawned(spawnInside(program, args, input.fd));
  } catch (thrown) {
    return notStarted(new HeddleError('SYSTEM_CALL_FAILED', `spawn ${program}: ${messageOf(thrown)}`));
  }
}

/** A namespace that cannot be entered is left to `nsenter`, which says why. */
function spawnInside(program: string, args: readonly string[], stdin: number): SpawnedProgram {
  const spawn = (name: string, rest: readonly string[]) => spawnProgram(pathOf(name), rest, ENVIRONMENT, stdin);
  const [option = '', inner, ...innerArgs] = args;
  if (program !== 'nsenter' || !option.startsWith(NET_OPTION) || inner === undefined) return spawn(program, args);
  try {
    return inNetworkNamespace(option.slice(NET_OPTION.length), () => spawn(inner, innerArgs));
  } catch {
    return spawn(program, args);
  }
}

class Spawned implements RunningProgram {
  readonly stdout: Socket;
  readonly stderr: Socket;
  readonly #pid: number;
  #open = 2;
  #killed = false;
  #ended: (code: number | null, signal: string | null) => void = () => undefined;

  constructor({ pid, stdout, stderr }: SpawnedProgram) {
    this.#pid = pid;
    this.stdout = this.#stream(stdout);
    this.stderr = this.#stream(stderr);
  }

  /** Not after its end: the process id may be another's by then. */
  kill(): void {
    if (this.#killed || this.#reap()) return;
    this.#killed = true;
    process.kill(this.#pid, 'SIGKILL');
    this.#waitForEnd();
  }

  onError(): void {
    /* it runs already */
  }

  onEnd(listener: (code: number | null, signal: string | null) => void): void {
    this.#ended = listener;
  }

  #stream(fd: number): Socket {
    const stream = new Socket({ fd, readable: true, writable: false });
    stream.on('error', () => stream.destroy());
    stream.on('close', () => {
      if (--this.#open === 0 && !this.#killed) this.#waitForEnd();
    });
    return stream;
  }

  #waitForEnd(): void {
    if (!this.#reap()) setTimeout(() => this.#waitForEnd(), LOOK_AGAIN_MS);
  }

  #reap(): boolean {
    const end = endOfProgram(this.#pid);
    if (end === null) return false;
    this.#ended(end.code, end.signal === 0 ? null : (SIGNAL_NAMES.get(end.signal) ?? `signal ${end.signal}`));
    return true;
  }
}

function notStarted(error: Error): RunningProgram {
  const nothing = Readable.from([]);
  return {
    stdout: nothing,
    stderr: nothing,
    kill: () => undefined,
    onError: (listener) => listener(error),
    onEnd: () => undefined,
  };
}

/** Throws HeddleError NOT_FOUND. */
function pathOf(program: string): string {
  if (program.includes('/')) return program;
  const known = paths.get(program);
  if (known !== undefined && isExecutable(known)) return known;
  const found = SEARCH_PATH.split(':')
    .map((folder) => join(folder, program))
    .find(isExecutable);
  if (found === undefined) throw new HeddleError('NOT_FOUND', `ENOENT, not in ${SEARCH_PATH}`);
  paths.set(program, found);
  return found;
}
