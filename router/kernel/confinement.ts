/**
 * Confinement of the router process after its start, when every file is open and every library loaded: an empty folder as its
 * root, another user, no memory that other processes may read, and a filter of system calls. None of it can be undone.
 */
import { mkdirSync } from 'node:fs';
import { messageOf, SystemCallError } from '../../common/errors.js';
import { Arena } from './arena.js';
import { sysCall, sysChroot, sysErrno, sysPrctl } from './ffi.js';
import { PR_SET_DUMPABLE, SECCOMP_FILTER_FLAGS, SECCOMP_SET_MODE_FILTER, SYS_SECCOMP } from './linux-abi.js';
import { becomeUser, dropCapabilities } from './privileges.js';
import { routerFilter } from './seccomp-filter.js';

export interface ConfinementOptions {
  /** Made when it is missing, and left empty. */
  readonly emptyFolder: string;
  /** Null for a process that cannot become another user: it gives its capabilities up. */
  readonly user: number | null;
}

const FOLDER_MODE = 0o555;
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
  attempt('empty root', () => enterFolder(emptyFolder));
  if (user === null) dropCapabilities();
  else becomeUser(user);
  // After the change of user, which sets it as the system's default says.
  attempt('private memory', () => check('prctl PR_SET_DUMPABLE', sysPrctl(PR_SET_DUMPABLE, 0, 0, 0, 0)));
  attempt('system call filter', installFilter);
  return missing;
}

function enterFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  check('chroot', sysChroot(folder));
  process.chdir('/');
}

/** For all threads of the process. The thread must have given new privileges up. */
function installFilter(): void {
  const program = routerFilter(process.arch, process.pid);
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
  for (const flags of SECCOMP_FILTER_FLAGS) {
    result = sysCall(number, SECCOMP_SET_MODE_FILTER, flags, arena.base + FILTER_AT);
    if (result === 0) return;
  }
  // A positive result is the thread that could not follow.
  throw new SystemCallError('seccomp', result < 0 ? sysErrno() : 0);
}

function check(call: string, result: number): void {
  if (result !== 0) throw new SystemCallError(call, sysErrno());
}
