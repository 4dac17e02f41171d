/**
 * Datagram type 4: "come back with this cookie", which a loaded responder sends in place of an answer. 48 bytes, less than
 * a twentieth of what caused it. The MAC also covers the MAC of the message that caused it, so only who saw that message
 * and knows the cluster secret can make one.
 *
 * ```
 *  0         16       32    48
 *  +---------+--------+-----+
 *  | header  | cookie | MAC |     header's session index: the sender index of the message that caused it
 *  +---------+--------+-----+
 * ```
 */
import { DATAGRAM_HEADER_BYTES } from '../../common/wire/overhead.js';
import { MAC_BYTES, macsEqual } from './cluster-keys.js';
import type { ClusterKeys } from './cluster-keys.js';
import { DATAGRAM_TYPES, headerIndex, headerType, writeHeader } from './datagram-header.js';

const MAC_AT = DATAGRAM_HEADER_BYTES + MAC_BYTES;
export const COOKIE_DATAGRAM_BYTES = MAC_AT + MAC_BYTES;

/** @param causeMac MAC of the message that is answered */
export function encodeCookie(index: number, cookie: Uint8Array, causeMac: Uint8Array, keys: ClusterKeys): Uint8Array {
  const bytes = new Uint8Array(COOKIE_DATAGRAM_BYTES);
  writeHeader(bytes, DATAGRAM_TYPES.cookie, index);
  bytes.set(cookie, DATAGRAM_HEADER_BYTES);
  bytes.set(keys.mac(bytes.subarray(0, MAC_AT), causeMac), MAC_AT);
  return bytes;
}

/** The index that a cookie datagram is for, or null when the bytes are none. */
export function cookieIndex(bytes: Uint8Array): number | null {
  if (bytes.length !== COOKIE_DATAGRAM_BYTES || headerType(bytes) !== DATAGRAM_TYPES.cookie) return null;
  return headerIndex(bytes);
}

/** The cookie, or null when the MAC is not good. @param causeMac MAC of the message that we sent */
export function openCookie(bytes: Uint8Array, causeMac: Uint8Array, keys: ClusterKeys): Uint8Array | null {
  if (!macsEqual(bytes.subarray(MAC_AT), keys.mac(bytes.subarray(0, MAC_AT), causeMac))) return null;
  return new Uint8Array(bytes.subarray(DATAGRAM_HEADER_BYTES, MAC_AT));
}
