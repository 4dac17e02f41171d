/**
 * Process that confines itself as the router does and then tries what an intruder in it would. Usage: node dist/confined.js FOLDER
 * USER TRY. It starts itself once more, as `meshd` starts the router. Prints the errno of the call as JSON, 0 when it succeeded; a
 * call that kills prints nothing and ends the parent too.
 */
import { spawnSync } from 'node:child_process';
import { confine, forbidRings } from '../../router/kernel/confinement.js';
import { sysCall, sysErrno, sysOpen, sysSocket } from '../../router/kernel/ffi.js';
import { forbidNewPrivileges } from '../../router/kernel/privileges.js';

const AT_FDCWD = -100;
const AF_INET = 2;
const SOCK_STREAM = 1;
/** Of the calls without a function of libc: execve, ptrace, kill, mount, clone, shmget, ioctl. */
const NUMBERS = process.arch === 'arm64' ? [221, 117, 129, 40, 220, 194, 29] : [59, 101, 62, 165, 56, 29, 16];
const [EXECVE, PTRACE, KILL, MOUNT, CLONE, SHMGET, IOCTL] = NUMBERS as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];
const IO_URING_SETUP = 425;
const SETXATTRAT = 463;
const TIOCSTI = 0x5412;
const SIGCHLD = 17;

const TRIES: Readonly<Record<string, () => number>> = {
  open: () => sysOpen('/etc/passwd', 0),
  socket: () => sysSocket(AF_INET, SOCK_STREAM, 0),
  signal: () => sysCall(KILL, process.ppid, 0, 0),
  'shared memory': () => sysCall(SHMGET, 0, 4096, 0),
  'typing into a terminal': () => sysCall(IOCTL, 0, TIOCSTI, 0),
  io_uring: () => sysCall(IO_URING_SETUP, 1, 0, 0),
  'a newer call': () => sysCall(SETXATTRAT, 0, 0, 0),
  exec: () => sysCall(EXECVE, AT_FDCWD, 0, 0),
  ptrace: () => sysCall(PTRACE, 0, process.ppid, 0),
  mount: () => sysCall(MOUNT, 0, 0, 0),
  fork: () => sysCall(CLONE, SIGCHLD, 0, 0),
};

const IS_CHILD = 'HEDDLE_TEST_IS_CHILD';

function startOnceMore(): void {
  forbidRings();
  const env = { ...process.env, [IS_CHILD]: '1' };
  const { signal } = spawnSync(process.execPath, process.argv.slice(1), { stdio: 'inherit', env });
  if (signal !== null) process.kill(process.pid, signal);
}

function tryConfined([emptyFolder = '', user = '', attempt = '']: readonly string[]): void {
  forbidNewPrivileges();
  const missing = confine({ emptyFolder, user: Number(user) });
  const result = TRIES[attempt]?.() ?? NaN;
  // Before `process.stdout`, which makes calls of its own.
  const errno = result < 0 ? sysErrno() : 0;
  process.stdout.write(`${JSON.stringify({ missing, errno })}\n`);
}

if (process.env[IS_CHILD] === undefined) startOnceMore();
else tryConfined(process.argv.slice(2));
