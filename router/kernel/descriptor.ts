/** Duplicate of a file descriptor, closed on exec (dup(2)). */
import { SystemCallError } from '../../common/errors.js';
import { sysDup3, sysErrno, sysEventfd } from './ffi.js';
import { O_CLOEXEC } from './linux-abi.js';

/** A new descriptor for the same open file. Throws {@link SystemCallError}. */
export function duplicate(fd: number): number {
  // The event descriptor only finds a free number.
  const free = sysEventfd(0, O_CLOEXEC);
  if (free < 0 || sysDup3(fd, free, O_CLOEXEC) < 0) throw new SystemCallError('dup3', sysErrno());
  return free;
}
