/**
 * Control message with the hop limit that a datagram is to leave with (IP_TTL of ip(7), IPV6_HOPLIMIT of ipv6(7), RFC 3542): i32. An
 * IPv6 socket uses that of IPv4 for mapped addresses.
 */
import type { Arena } from './arena.js';
import { CMSG_DATA, IP_TTL, IPPROTO_IP, IPPROTO_IPV6, IPV6_HOPLIMIT } from './linux-abi.js';

/** With the padding behind it. */
export const HOP_LIMIT_INFO_BYTES = CMSG_DATA + 8;
const INT_BYTES = 4;

/** Writes the control message at `at`. */
export function writeHopLimitInfo(arena: Arena, at: number, hopLimit: number, ipv4: boolean): void {
  const { u32 } = arena;
  const word = at >>> 2;
  arena.writeLength(at, CMSG_DATA + INT_BYTES);
  u32[word + 2] = ipv4 ? IPPROTO_IP : IPPROTO_IPV6;
  u32[word + 3] = ipv4 ? IP_TTL : IPV6_HOPLIMIT;
  u32[word + 4] = hopLimit;
}
