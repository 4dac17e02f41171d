/**
 * Process that confines itself as the router does and then tries what an intruder in it would. Usage: node dist/confined.js FOLDER
 * USER TRY. Prints the errno of the call as JSON, 0 when it succeeded; a call that kills prints nothing.
 */
import { confine } from '../../router/kernel/confinement.js';
import { sysCall, sysErrno, sysOpen, sysSocket } from '../../router/kernel/ffi.js';
import { forbidNewPrivileges } from '../../router/kernel/privileges.js';

const AT_FDCWD = -100;
const AF_INET = 2;
const SOCK_STREAM = 1;
/** Of the calls without a function of libc: execve, ptrace, kill, mount, clone. */
const NUMBERS = process.arch === 'arm64' ? [221, 117, 129, 40, 220] : [59, 101, 62, 165, 56];
const [EXECVE, PTRACE, KILL, MOUNT, CLONE] = NUMBERS as [number, number, number, number, number];
const SIGCHLD = 17;

const TRIES: Readonly<Record<string, () => number>> = {
  open: () => sysOpen('/etc/passwd', 0),
  socket: () => sysSocket(AF_INET, SOCK_STREAM, 0),
  signal: () => sysCall(KILL, process.ppid, 0, 0),
  exec: () => sysCall(EXECVE, AT_FDCWD, 0, 0),
  ptrace: () => sysCall(PTRACE, 0, process.ppid, 0),
  mount: () => sysCall(MOUNT, 0, 0, 0),
  fork: () => sysCall(CLONE, SIGCHLD, 0, 0),
};

const [emptyFolder = '', user = '', attempt = ''] = process.argv.slice(2);
forbidNewPrivileges();
const missing = confine({ emptyFolder, user: Number(user) });
const result = TRIES[attempt]?.() ?? NaN;
process.stdout.write(`${JSON.stringify({ missing, errno: result < 0 ? sysErrno() : 0 })}\n`);
