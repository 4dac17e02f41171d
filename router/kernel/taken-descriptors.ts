/**
 * Descriptors of a router that runs, for the next one: checked, and taken over from outside (pidfd_getfd(2), Linux 5.6) where the
 * supervisor was killed. Its router forwards for a while, and the next one gets the same TAP queues and UDP sockets.
 */
import { HeddleError, SystemCallError } from '../../common/errors.js';
import { Arena } from './arena.js';
import { sysCall, sysClose, sysErrno, sysGetsockname } from './ffi.js';
import { SOCKADDR_ROOM, SYS_PIDFD_GETFD, SYS_PIDFD_OPEN } from './linux-abi.js';
import { readSocketAddress } from './socket-address-memory.js';
import { interfaceIndex, tapIndexOf } from './tap-device.js';
import type { OpenTap } from './tap-device.js';

const LENGTH = 64;
const ADDRESS = 128;
const ANY_ADDRESS = ['::', '0.0.0.0'];

export interface TakenDescriptors {
  readonly tap: OpenTap;
  readonly udpFds: readonly number[];
}

/** What the descriptors must be. */
export interface WantedDescriptors {
  readonly tapName: string;
  readonly tapQueues: number;
  /** Empty for all addresses. */
  readonly address: string;
  readonly port: number;
  readonly sockets: number;
}

/**
 * Duplicates of descriptors `numbers` of the router, closed on exec. Throws {@link SystemCallError} without CAP_SYS_PTRACE, and
 * {@link HeddleError} as {@link checkDescriptors}.
 */
export function takeDescriptors(pid: number, numbers: readonly number[], wanted: WantedDescriptors): TakenDescriptors {
  return checkDescriptors(duplicatesOf(pid, numbers), wanted);
}

/**
 * The queues, then the sockets. Throws {@link HeddleError} and closes all when one is something else, for example because another
 * port was configured meanwhile.
 */
export function checkDescriptors(fds: readonly number[], wanted: WantedDescriptors): TakenDescriptors {
  const tapFds = fds.slice(0, wanted.tapQueues);
  const udpFds = fds.slice(wanted.tapQueues);
  const index = interfaceIndex(wanted.tapName);
  const areWanted =
    fds.length === wanted.tapQueues + wanted.sockets &&
    tapFds.every((fd) => tapIndexOf(fd) === index) &&
    udpFds.every((fd) => isBoundTo(fd, wanted));
  if (index !== 0 && areWanted) return { tap: { fds: tapFds, name: wanted.tapName, index }, udpFds };
  fds.forEach((fd) => sysClose(fd));
  throw new HeddleError(
    'NOT_FOUND',
    `the earlier router has no queues of TAP ${wanted.tapName} and sockets of UDP port ${wanted.port} in the expected places`,
  );
}

/** All or none. */
function duplicatesOf(pid: number, fds: readonly number[]): number[] {
  const pidFd = sysCall(SYS_PIDFD_OPEN, pid, 0, 0);
  if (pidFd < 0) throw new SystemCallError('pidfd_open', sysErrno());
  const taken: number[] = [];
  try {
    for (const fd of fds) {
      const duplicate = sysCall(SYS_PIDFD_GETFD, pidFd, fd, 0);
      if (duplicate < 0) throw new SystemCallError('pidfd_getfd', sysErrno(), `descriptor ${fd} of process ${pid}`);
      taken.push(duplicate);
    }
  } catch (thrown) {
    taken.forEach((fd) => sysClose(fd));
    throw thrown;
  } finally {
    sysClose(pidFd);
  }
  return taken;
}

function isBoundTo(fd: number, { address, port }: Pick<WantedDescriptors, 'address' | 'port'>): boolean {
  const arena = new Arena(4096);
  arena.i32[LENGTH >>> 2] = SOCKADDR_ROOM;
  if (sysGetsockname(fd, arena.base + ADDRESS, arena.base + LENGTH) !== 0) return false;
  const bound = readSocketAddress(arena, ADDRESS);
  return bound.port === port && (address === '' ? ANY_ADDRESS : [address]).includes(bound.ip);
}
