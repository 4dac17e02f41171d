/**
 * Recognition of neighbour and router discovery (RFC 4861), which must not cross the mesh in any direction: with it a node
 * could take over addresses of others.
 */
import { IPV6_HEADER_BYTES, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from './frame.js';

/** ICMPv6 types of router and neighbour discovery (RFC 4861): solicitations, advertisements, redirect. */
const ND_FIRST = 133;
const ND_LAST = 137;
/** Extension headers that a host skips (RFC 8200, 4): hop-by-hop options, routing, destination options. */
const EXTENSIONS: readonly number[] = [0, 43, 60];
const MAX_EXTENSIONS = 8;

/**
 * True when the IPv6 packet from `l3` to `end` is neighbour or router discovery. A packet with more than MAX_EXTENSIONS
 * extension headers is taken for it.
 */
export function isNeighbourDiscovery(u8: Uint8Array, l3: number, end: number): boolean {
  let next = u8[l3 + 6]!;
  if (next === PROTOCOL_TCP || next === PROTOCOL_UDP) return false;
  let at = l3 + IPV6_HEADER_BYTES;
  for (let i = 0; EXTENSIONS.includes(next); i++) {
    if (i === MAX_EXTENSIONS) return true;
    if (at + 8 > end) return false;
    next = u8[at]!;
    at += (u8[at + 1]! + 1) * 8;
  }
  return next === PROTOCOL_ICMPV6 && at < end && u8[at]! >= ND_FIRST && u8[at]! <= ND_LAST;
}
