/**
 * Spawner of programs without a copy of this process: posix_spawn(3) of glibc shares the memory with the child until it
 * executes. Node forks, which copies the page tables: 16 ms for a process of 200 MB on a machine where this takes 0.7 ms.
 * Not here: reading the output, waiting (`agent/spawned-program.ts`).
 */
import { closeSync } from 'node:fs';
import { HeddleError } from '../../common/errors.js';
import {
  signalsEmpty,
  signalsFill,
  spawnActionsDestroy,
  spawnActionsDup2,
  spawnActionsInit,
  spawnAttributesInit,
  spawnAttributesSetDefaults,
  spawnAttributesSetFlags,
  spawnAttributesSetMask,
  sysPipe,
  sysPosixSpawn,
  sysWaitPid,
} from './ffi.js';

/** More than glibc has for each on x64 and arm64: 80, 336 and 128 bytes. */
const ACTIONS_BYTES = 256;
const ATTRIBUTES_BYTES = 1024;
const SIGNALS_BYTES = 256;
const POSIX_SPAWN_SETSIGDEF = 0x04;
const POSIX_SPAWN_SETSIGMASK = 0x08;
const O_CLOEXEC = 0o2000000;
const WNOHANG = 1;

export interface SpawnedProgram {
  readonly pid: number;
  /** Read ends of pipes, which the caller closes. */
  readonly stdout: number;
  readonly stderr: number;
}

/** How a program ended: exit code, or null and the number of the signal. */
export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: number;
}

/**
 * Starts a program with default signals. Throws HeddleError SYSTEM_CALL_FAILED.
 * @param path absolute
 * @param environment entries `NAME=value`
 * @param stdin stays open here
 */
export function spawnProgram(
  path: string,
  args: readonly string[],
  environment: readonly string[],
  stdin: number,
): SpawnedProgram {
  const [stdout, stdoutEnd] = makePipe();
  const [stderr, stderrEnd] = makePipe();
  const actions = new Uint8Array(ACTIONS_BYTES);
  const pid = new Int32Array(1);
  spawnActionsInit(actions);
  for (const [fd, as] of [stdin, stdoutEnd, stderrEnd].map((from, to) => [from, to] as const)) {
    spawnActionsDup2(actions, fd, as);
  }
  const error = sysPosixSpawn(
    new Uint8Array(pid.buffer),
    path,
    actions,
    attributes(),
    [path, ...args, null],
    [...environment, null],
  );
  spawnActionsDestroy(actions);
  closeSync(stdoutEnd);
  closeSync(stderrEnd);
  if (error === 0) return { pid: pid[0]!, stdout, stderr };
  closeSync(stdout);
  closeSync(stderr);
  throw new HeddleError('SYSTEM_CALL_FAILED', `cannot start ${path}: error ${error}`);
}

/** Null while the program runs. To be called until it gives an end, or the process stays a zombie. */
export function endOfProgram(pid: number): ProgramEnd | null {
  const status = new Int32Array(1);
  const ended = sysWaitPid(pid, new Uint8Array(status.buffer), WNOHANG);
  if (ended === 0) return null;
  const signal = status[0]! & 0x7f;
  return { code: signal === 0 ? (status[0]! >> 8) & 0xff : null, signal };
}

/** Node ignores SIGPIPE, which a child would inherit. */
function attributes(): Uint8Array {
  const bytes = new Uint8Array(ATTRIBUTES_BYTES);
  const signals = new Uint8Array(SIGNALS_BYTES);
  spawnAttributesInit(bytes);
  signalsEmpty(signals);
  spawnAttributesSetMask(bytes, signals);
  signalsFill(signals);
  spawnAttributesSetDefaults(bytes, signals);
  spawnAttributesSetFlags(bytes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  return bytes;
}

function makePipe(): [read: number, write: number] {
  const pair = new Int32Array(2);
  if (sysPipe(new Uint8Array(pair.buffer), O_CLOEXEC) !== 0)
    throw new HeddleError('SYSTEM_CALL_FAILED', 'cannot make a pipe for the output of a program');
  return [pair[0]!, pair[1]!];
}
