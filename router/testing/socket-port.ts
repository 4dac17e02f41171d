/** Port of a socket that was bound to port 0. */
import { SystemCallError } from '../../common/errors.js';
import { Arena } from '../kernel/arena.js';
import { sysErrno, sysGetsockname } from '../kernel/ffi.js';
import { SOCKADDR_IN6_BYTES } from '../kernel/linux-abi.js';
import { readSocketAddress } from '../kernel/socket-address-memory.js';

const ADDRESS = 64;
const LENGTH = 128;

export function boundPort(fd: number): number {
  const arena = new Arena(4096);
  arena.u32[LENGTH >>> 2] = SOCKADDR_IN6_BYTES;
  if (sysGetsockname(fd, arena.base + ADDRESS, arena.base + LENGTH) !== 0) {
    throw new SystemCallError('getsockname', sysErrno());
  }
  return readSocketAddress(arena, ADDRESS).port;
}
