/**
 * Confinement of the router process after its start, when every file is open and every library loaded: an empty folder as its
 * root, another user, no memory that other processes may read, and a filter of system calls. None of it can be undone.
 *
 * Node 24 opens an io_uring for every event loop and ends the process when it cannot use it later. So its parent forbids rings
 * before the process starts ({@link forbidRings}).
 */
import { mkdirSync, readdirSync, readlinkSync } from 'node:fs';
import { HeddleError, messageOf, SystemCallError } from '../../common/errors.js';
import { Arena } from './arena.js';
import { sysCall, sysChroot, sysErrno, sysPrctl } from './ffi.js';
import {
  PR_SET_DUMPABLE,
  SECCOMP_OF_ALL_THREADS,
  SECCOMP_OF_THIS_THREAD,
  SECCOMP_SET_MODE_FILTER,
  SYS_SECCOMP,
} from './linux-abi.js';
import { becomeUser, dropCapabilities } from './privileges.js';
import { ringlessFilter, routerFilter } from './seccomp-filter.js';
import type { Instruction } from './seccomp-filter.js';

export interface ConfinementOptions {
  /** Made when it is missing, and left empty. */
  readonly emptyFolder: string;
  /** Null for a process that cannot become another user: it gives its capabilities up. */
  readonly user: number | null;
}

const FOLDER_MODE = 0o555;
const RING = 'anon_inode:[io_uring]';
const FILTER_AT = 64;
const INSTRUCTIONS_AT = 128;
const INSTRUCTION_BYTES = 8;

/**
 * Confines the process. Returns what is not in force, with the reason: a kernel without seccomp, a sandbox that forbids chroot(2).
 * Throws {@link SystemCallError} when the process keeps its privileges.
 */
export function confine({ emptyFolder, user }: ConfinementOptions): string[] {
  const missing: string[] = [];
  const attempt = (measure: string, take: () => void): void => {
    try {
      take();
    } catch (thrown) {
      missing.push(`${measure}: ${messageOf(thrown)}`);
    }
  };
  const hasRings = holdsRings();
  if (hasRings) attempt('io_uring', refuseRings);
  attempt('empty root', () => enterFolder(emptyFolder));
  if (user === null) dropCapabilities();
  else becomeUser(user);
  // After the change of user, which sets it as the system's default says.
  attempt('private memory', () => check('prctl PR_SET_DUMPABLE', sysPrctl(PR_SET_DUMPABLE, 0, 0, 0, 0)));
  attempt('system call filter', () =>
    // The thread must have given new privileges up.
    installFilter(routerFilter(process.arch, { pid: process.pid, hasRings }), SECCOMP_OF_ALL_THREADS),
  );
  return missing;
}

/** Children of this thread find no io_uring. Throws {@link SystemCallError} without CAP_SYS_ADMIN, or without seccomp. */
export function forbidRings(): void {
  installFilter(ringlessFilter(process.arch), SECCOMP_OF_THIS_THREAD);
}

function holdsRings(): boolean {
  return readdirSync('/proc/self/fd').some((fd) => linkOf(fd) === RING);
}

/** Null for a descriptor that is closed meanwhile, as that of the folder itself. */
function linkOf(fd: string): string | null {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return null;
  }
}

function refuseRings(): void {
  throw new HeddleError(
    'PLATFORM_UNSUPPORTED',
    'Node has rings, whose calls pass no filter; meshd could not forbid them',
  );
}

function enterFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  check('chroot', sysChroot(folder));
  process.chdir('/');
}

/** @param flagSets of seccomp(2), tried in this order */
function installFilter(program: readonly Instruction[], flagSets: readonly number[]): void {
  const arena = new Arena(4096);
  program.forEach(({ code, ifTrue, ifFalse, value }, i) => {
    const at = INSTRUCTIONS_AT + i * INSTRUCTION_BYTES;
    arena.view.setUint16(at, code, true);
    arena.view.setUint8(at + 2, ifTrue);
    arena.view.setUint8(at + 3, ifFalse);
    arena.view.setUint32(at + 4, value, true);
  });
  // struct sock_fprog: length u16, address of the program.
  arena.view.setUint16(FILTER_AT, program.length, true);
  arena.writeAddress(FILTER_AT + 8, INSTRUCTIONS_AT);
  const number = process.arch === 'arm64' ? SYS_SECCOMP.arm64 : SYS_SECCOMP.x64;
  let result = -1;
  for (const flags of flagSets) {
    result = sysCall(number, SECCOMP_SET_MODE_FILTER, flags, arena.base + FILTER_AT);
    if (result === 0) return;
  }
  // A positive result is the thread that could not follow.
  throw new SystemCallError('seccomp', result < 0 ? sysErrno() : 0);
}

function check(call: string, result: number): void {
  if (result !== 0) throw new SystemCallError(call, sysErrno());
}
