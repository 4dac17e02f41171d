/**
 * Control message with the hop limit that a datagram is to leave with (IP_TTL of ip(7), IPV6_HOPLIMIT of ipv6(7), RFC 3542): i32. An
 * IPv6 socket uses that of IPv4 for mapped addresses.
 */
import type { Arena } from './arena.js';
import { INT_INFO_BYTES, writeIntInfo } from './int-info.js';
import { IP_TTL, IPPROTO_IP, IPPROTO_IPV6, IPV6_HOPLIMIT } from './linux-abi.js';

export const HOP_LIMIT_INFO_BYTES = INT_INFO_BYTES;

/** Writes the control message at `at`. */
export function writeHopLimitInfo(arena: Arena, at: number, hopLimit: number, ipv4: boolean): void {
  if (ipv4) writeIntInfo(arena, at, IPPROTO_IP, IP_TTL, hopLimit);
  else writeIntInfo(arena, at, IPPROTO_IPV6, IPV6_HOPLIMIT, hopLimit);
}
