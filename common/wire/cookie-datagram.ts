/**
 * Datagram type 4, cookie: what a loaded responder sends in place of a response (`docs/wire.md`, section 7). 48 bytes, less
 * than a twentieth of the initiation. Its MAC also covers the MAC of the initiation, so making one takes that datagram and the
 * cluster secret.
 *
 * ```
 *  0         16       32    48
 *  +---------+--------+-----+
 *  | header  | cookie | MAC |     header's session index: the sender index of the initiation
 *  +---------+--------+-----+
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
const MAC_AT = COOKIE_AT + COOKIE_BYTES;
export const COOKIE_DATAGRAM_BYTES = MAC_AT + MAC_BYTES;

/** Whether the bytes have the shape of a cookie datagram. Does not check the MAC. */
export function checkCookie(bytes: Uint8Array): boolean {
  return bytes.length === COOKIE_DATAGRAM_BYTES && datagramType(bytes) === TYPE_COOKIE && checkDatagram(bytes);
}

/** The sender index of the initiation that a cookie is for; for bytes that passed {@link checkCookie}. */
export function cookieIndex(bytes: Uint8Array): number {
  return readHeader(bytes).index;
}

/** The cookie, or null when the MAC is not good. @param initiationMac MAC of the initiation that was sent */
export function openCookie(bytes: Uint8Array, initiationMac: Uint8Array, cluster: ClusterMac): Uint8Array | null {
  if (!macsEqual(bytes.subarray(MAC_AT), cluster.mac(bytes.subarray(0, MAC_AT), initiationMac))) return null;
  return new Uint8Array(bytes.subarray(COOKIE_AT, MAC_AT));
}

/** @param initiationMac MAC of the initiation that the cookie responds to */
export function encodeCookie(
  index: number,
  cookie: Uint8Array,
  initiationMac: Uint8Array,
  cluster: ClusterMac,
): Uint8Array {
  const bytes = new Uint8Array(COOKIE_DATAGRAM_BYTES);
  writeMessageHeader(bytes, TYPE_COOKIE, index);
  bytes.set(cookie, COOKIE_AT);
  bytes.set(cluster.mac(bytes.subarray(0, MAC_AT), initiationMac), MAC_AT);
  return bytes;
}

/** One line for people: `cookie, session 0x0000004d`. */
export function describeCookie(bytes: Uint8Array): string {
  return checkCookie(bytes) ? describeHeader(readHeader(bytes)) : `no cookie datagram (${bytes.length} bytes)`;
}
