/**
 * Parser of Ethernet frames (IEEE 802.3; RFC 791, 8200): source and destination address as four words each. Lengths are
 * checked once; after that no accessor can run past the frame. Layer 3 follows the Ethernet header: frames with VLAN tags are
 * not forwarded, since the node's IP stack would drop them uncounted.
 */
import type { Arena } from '../kernel/arena.js';
import { MAPPED_WORD } from '../tables/prefix-table.js';

export const ETHERNET_BYTES = 14;
export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_IPV6 = 0x86dd;
export const IPV4_HEADER_BYTES = 20;
export const IPV6_HEADER_BYTES = 40;
export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_ICMPV6 = 58;

export const FRAME_TOO_SHORT = 0;
export const FRAME_IPV4 = 1;
export const FRAME_IPV6 = 2;
/** Any other kind: not forwarded. */
export const FRAME_OTHER = 3;

/** The last frame parsed. One per thread, overwritten by every {@link parseFrame}: nothing is allocated per frame. */
export interface ParsedFrame {
  /** Source address words 0..3, destination address words 4..7. */
  readonly words: Int32Array;
}

export function createParsedFrame(): ParsedFrame {
  return { words: new Int32Array(8) };
}

/** Parses the frame of `length` bytes at `at` into `parsed` and returns its kind, FRAME_*. */
export function parseFrame(arena: Arena, at: number, length: number, parsed: ParsedFrame): number {
  if (length < ETHERNET_BYTES) return FRAME_TOO_SHORT;
  const { u8, i32 } = arena;
  const words = parsed.words;
  const l3 = at + ETHERNET_BYTES;
  const etherType = (u8[at + 12]! << 8) | u8[at + 13]!;
  const end = at + length;
  // Frames lie at 4-byte boundaries plus 2, so the layer 3 header is aligned for word loads.
  const w = l3 >>> 2;
  if (etherType === ETHERTYPE_IPV4) {
    const headerBytes = (u8[l3]! & 15) * 4;
    if (l3 + IPV4_HEADER_BYTES > end || u8[l3]! >>> 4 !== 4) return FRAME_TOO_SHORT;
    if (headerBytes < IPV4_HEADER_BYTES || l3 + headerBytes > end) return FRAME_TOO_SHORT;
    words[0] = words[1] = words[4] = words[5] = 0;
    words[2] = words[6] = MAPPED_WORD;
    words[3] = i32[w + 3]!;
    words[7] = i32[w + 4]!;
    return FRAME_IPV4;
  }
  if (etherType === ETHERTYPE_IPV6) {
    if (l3 + IPV6_HEADER_BYTES > end || u8[l3]! >>> 4 !== 6) return FRAME_TOO_SHORT;
    for (let i = 0; i < 8; i++) words[i] = i32[w + 2 + i]!;
    // IPv4-mapped addresses are not allowed in IPv6 packets (RFC 4942, 2.2): they would equal the IPv4 address here.
    const mapped =
      (words[2] === MAPPED_WORD && words[0] === 0 && words[1] === 0) ||
      (words[6] === MAPPED_WORD && words[4] === 0 && words[5] === 0);
    return mapped ? FRAME_OTHER : FRAME_IPV6;
  }
  return FRAME_OTHER;
}

/** Whether two frames have the same source and destination; the words that differ most often are compared first. */
export function sameAddresses(a: Int32Array, b: Int32Array): boolean {
  return (
    a[7] === b[7] &&
    a[3] === b[3] &&
    a[6] === b[6] &&
    a[5] === b[5] &&
    a[4] === b[4] &&
    a[2] === b[2] &&
    a[1] === b[1] &&
    a[0] === b[0]
  );
}
