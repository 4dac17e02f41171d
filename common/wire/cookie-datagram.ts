/**
 * Datagram type 4, cookie: what a loaded responder sends in place of a response (`docs/wire.md`, section 7). 48 or 52 bytes, less
 * than a twentieth of the initiation. Its MAC also covers the MAC of the initiation, so making one takes that datagram and the
 * cluster secret.
 *
 * ```
 *  0         16       32     36    52
 *  +---------+--------+------+-----+
 *  | header  | cookie | wait | MAC |     header's session index: the sender index of the initiation
 *  |         | 16     | u32  | 16  |     wait: the initiator is to come back no sooner, ms; left out when it is 0
 *  +---------+--------+------+-----+
 * ```
 */
import {
  checkDatagram,
  DATAGRAM_HEADER_BYTES,
  datagramType,
  describeHeader,
  readHeader,
  TYPE_COOKIE,
  writeMessageHeader,
} from './datagram-header.js';
import type { ClusterMac } from './handshake-mac.js';
import { MAC_BYTES, macsEqual } from './handshake-mac.js';

const COOKIE_AT = DATAGRAM_HEADER_BYTES;
const COOKIE_BYTES = MAC_BYTES;
const WAIT_AT = COOKIE_AT + COOKIE_BYTES;
const WAIT_BYTES = 4;
export const COOKIE_DATAGRAM_BYTES = WAIT_AT + MAC_BYTES;
export const WAIT_COOKIE_DATAGRAM_BYTES = WAIT_AT + WAIT_BYTES + MAC_BYTES;

/** What a cookie datagram says. */
export interface OpenedCookie {
  readonly cookie: Uint8Array;
  /** The initiator is to come back no sooner, ms. */
  readonly waitMs: number;
}

/** Whether the bytes have the shape of a cookie datagram. Does not check the MAC. */
export function checkCookie(bytes: Uint8Array): boolean {
  const isLong = bytes.length === COOKIE_DATAGRAM_BYTES || bytes.length === WAIT_COOKIE_DATAGRAM_BYTES;
  return isLong && datagramType(bytes) === TYPE_COOKIE && checkDatagram(bytes);
}

/** The sender index of the initiation that a cookie is for; for bytes that passed {@link checkCookie}. */
export function cookieIndex(bytes: Uint8Array): number {
  return readHeader(bytes).index;
}

/** The cookie, or null when the MAC is not good. @param initiationMac MAC of the initiation that was sent */
export function openCookie(bytes: Uint8Array, initiationMac: Uint8Array, cluster: ClusterMac): OpenedCookie | null {
  const macAt = bytes.length - MAC_BYTES;
  if (!macsEqual(bytes.subarray(macAt), cluster.mac(bytes.subarray(0, macAt), initiationMac))) return null;
  const waitMs = macAt === WAIT_AT ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(WAIT_AT);
  return { cookie: new Uint8Array(bytes.subarray(COOKIE_AT, WAIT_AT)), waitMs };
}

/**
 * @param initiationMac MAC of the initiation that the cookie responds to
 * @param waitMs whole milliseconds
 */
export function encodeCookie(
  index: number,
  cookie: Uint8Array,
  initiationMac: Uint8Array,
  cluster: ClusterMac,
  waitMs = 0,
): Uint8Array {
  const bytes = new Uint8Array(waitMs === 0 ? COOKIE_DATAGRAM_BYTES : WAIT_COOKIE_DATAGRAM_BYTES);
  const macAt = bytes.length - MAC_BYTES;
  writeMessageHeader(bytes, TYPE_COOKIE, index);
  bytes.set(cookie, COOKIE_AT);
  if (waitMs !== 0) new DataView(bytes.buffer).setUint32(WAIT_AT, waitMs);
  bytes.set(cluster.mac(bytes.subarray(0, macAt), initiationMac), macAt);
  return bytes;
}

/** One line for people: `cookie, session 0x0000004d`. */
export function describeCookie(bytes: Uint8Array): string {
  return checkCookie(bytes) ? describeHeader(readHeader(bytes)) : `no cookie datagram (${bytes.length} bytes)`;
}
