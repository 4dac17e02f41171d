/**
 * Congestion marks: the ECN field of an IP header (RFC 3168), and what becomes of the mark of a datagram in the frames that it
 * carried (RFC 6040, 4.2). The sender copies the field of the frames to the datagrams (normal mode, 4.1).
 */
import { readU16be } from '../kernel/byte-order.js';
import { writeIpv4Checksum } from './checksum.js';

export const NOT_ECT = 0;
const ECT_1 = 1;
const ECT_0 = 2;
export const CE = 3;
export const MARK_BITS = 3;

/** The frame must be dropped: congestion, and its transport does not react to marks. */
const REFUSED = 4;

/** Of the frame that comes out, by mark of the frame (row) and of its datagram (column: not ECT, ECT(1), ECT(0), CE). */
// prettier-ignore
const OUTCOMES = Uint8Array.of(
  NOT_ECT, NOT_ECT, NOT_ECT, REFUSED,
  ECT_1,   ECT_1,   ECT_1,   CE,
  ECT_0,   ECT_1,   ECT_0,   CE,
  CE,      CE,      CE,      CE,
);

/** Mark of the frame with mark `inner` from a datagram with mark `outer`, or REFUSED. */
function decapsulatedMark(inner: number, outer: number): number {
  return OUTCOMES[(inner << 2) | outer]!;
}

/** Mark of a unit whose datagrams have these two: as with loss, one counts for all. CE over ECT(1) over ECT(0). */
export function strongerMark(a: number, b: number): number {
  if (a === b || b === NOT_ECT) return a;
  if (a === NOT_ECT) return b;
  return a === CE || b === CE ? CE : ECT_1;
}

/** Applies the mark `outer` of its datagrams to the packet at `l3`. False when the packet must be dropped. */
export function applyMark(u8: Uint8Array, l3: number, ipv6: boolean, outer: number): boolean {
  // The traffic class of IPv6 lies across two bytes.
  const at = l3 + 1;
  const shift = ipv6 ? 4 : 0;
  const inner = (u8[at]! >>> shift) & MARK_BITS;
  const mark = decapsulatedMark(inner, outer);
  if (mark === inner) return true;
  if (mark === REFUSED) return false;
  u8[at] = (u8[at]! & ~(MARK_BITS << shift)) | (mark << shift);
  if (!ipv6) writeIpv4Checksum(u8, l3);
  return true;
}

/** DSCP and ECN of the packet at `l3`: the second byte of IPv4, the traffic class of IPv6. */
export function trafficClassOf(u8: Uint8Array, l3: number): number {
  return u8[l3]! >>> 4 === 6 ? (readU16be(u8, l3) >>> 4) & 0xff : u8[l3 + 1]!;
}
