/**
 * Stay of this thread in another network namespace (setns(2)), for work that does not wait: start of a program, files under /proc.
 * A program that enters the namespace itself (`nsenter`) takes 5 to 10 ms of processor time more.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { SystemCallError } from '../../common/errors.js';
import { sysErrno, sysSetns } from './ffi.js';
import { CLONE_NEWNET } from './linux-abi.js';

const OWN = '/proc/thread-self/ns/net';
/** The path is a runtime's: opening a named pipe must not wait. */
const READ_WITHOUT_WAITING = constants.O_RDONLY | constants.O_NONBLOCK;

/**
 * Runs `work` in the namespace at `path`. Threads of Node's pool stay where they are.
 * Throws the error of open(2), or {@link SystemCallError} when the file is no network namespace.
 */
export function inNetworkNamespace<T>(path: string, work: () => T): T {
  const own = openSync(OWN, READ_WITHOUT_WAITING);
  try {
    enter(path);
    try {
      return work();
    } finally {
      // Everything after it would change a pod's network in place of the node's.
      if (sysSetns(own, CLONE_NEWNET) !== 0) process.abort();
    }
  } finally {
    closeSync(own);
  }
}

/** Descriptor of the namespace at `path`, which the caller closes. Throws as {@link inNetworkNamespace}. */
export function openNetworkNamespace(path: string): number {
  return inNetworkNamespace(path, () => openSync(OWN, READ_WITHOUT_WAITING));
}

function enter(path: string): void {
  const fd = openSync(path, READ_WITHOUT_WAITING);
  const result = sysSetns(fd, CLONE_NEWNET);
  const errno = sysErrno();
  closeSync(fd);
  if (result !== 0) throw new SystemCallError('setns', errno, path);
}
