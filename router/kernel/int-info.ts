/** Control message with one i32, of the names that the protocol of the datagram has for it (RFC 3542 for IPv6). */
import type { Arena } from './arena.js';
import { CMSG_DATA } from './linux-abi.js';

/** With the padding behind it. */
export const INT_INFO_BYTES = CMSG_DATA + 8;
const INT_BYTES = 4;

/** Writes the control message at `at`. @param level protocol, and `type` the option of it, as the kernel numbers them */
export function writeIntInfo(arena: Arena, at: number, level: number, type: number, value: number): void {
  const { u32 } = arena;
  const word = at >>> 2;
  arena.writeLength(at, CMSG_DATA + INT_BYTES);
  u32[word + 2] = level;
  u32[word + 3] = type;
  u32[word + 4] = value;
}
