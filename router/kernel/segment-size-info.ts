/** Control message with the size of the datagrams that the kernel cuts a message into (UDP_SEGMENT of udp(7)): u16. */
import type { Arena } from './arena.js';
import { CMSG_UDP_SEGMENT_BYTES, SOL_UDP, UDP_SEGMENT } from './linux-abi.js';

/** Writes the control message at `at`, CMSG_UDP_SEGMENT_ROOM bytes. */
export function writeSegmentSizeInfo(arena: Arena, at: number, bytes: number): void {
  const { u32 } = arena;
  arena.writeLength(at, CMSG_UDP_SEGMENT_BYTES);
  u32[(at + 8) >>> 2] = SOL_UDP;
  u32[(at + 12) >>> 2] = UDP_SEGMENT;
  u32[(at + 16) >>> 2] = bytes;
}
