/**
 * Control message with the traffic class of a datagram, which is DSCP and ECN field (IP_TOS of ip(7), IPV6_TCLASS of ipv6(7),
 * RFC 3542): the one it is to leave with, and the one it came with. An IPv6 socket uses that of IPv4 for mapped addresses.
 *
 * ```
 *  IP_TOS         i32, from the kernel one byte
 *  IPV6_TCLASS    i32
 * ```
 */
import type { Arena } from './arena.js';
import { INT_INFO_BYTES, writeIntInfo } from './int-info.js';
import { CMSG_DATA, IP_TOS, IPPROTO_IP, IPPROTO_IPV6, IPV6_TCLASS } from './linux-abi.js';

export const TRAFFIC_CLASS_INFO_BYTES = INT_INFO_BYTES;

/** Writes the control message at `at`. */
export function writeTrafficClassInfo(arena: Arena, at: number, trafficClass: number, ipv4: boolean): void {
  if (ipv4) writeIntInfo(arena, at, IPPROTO_IP, IP_TOS, trafficClass);
  else writeIntInfo(arena, at, IPPROTO_IPV6, IPV6_TCLASS, trafficClass);
}

/** Traffic class in the control message at `at`; -1 when it is another one. */
export function trafficClassIn(arena: Arena, at: number): number {
  const { u32 } = arena;
  const word = at >>> 2;
  const level = u32[word + 2];
  const type = u32[word + 3];
  const found = (level === IPPROTO_IP && type === IP_TOS) || (level === IPPROTO_IPV6 && type === IPV6_TCLASS);
  return found ? arena.u8[at + CMSG_DATA]! : -1;
}
