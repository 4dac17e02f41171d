/**
 * Handshake datagrams: initiation (type 1), response (2) and confirmation (3), each one Noise message with its MACs. The MAC is keyed from the cluster secret and covers all bytes
 * in front of it; the cookie MAC is keyed by a cookie the receiver gave and covers all bytes in front of it, or is zero.
 *
 * ```
 *  0         16             20 (type 3: 16)                           -32   -16    end
 *  +---------+--------------+-----------------------------------------+-----+--------+
 *  | header  | sender index | Noise message                           | MAC | cookie |
 *  |         | (types 1, 2) |                                         |     | MAC    |
 *  +---------+--------------+-----------------------------------------+-----+--------+
 *  header's session index: zero in an initiation, the initiator's in a response, the responder's in a confirmation
 * ```
 */
import { DATAGRAM_HEADER_BYTES } from '../../common/wire/overhead.js';
import { MAC_BYTES, macsEqual, macUnder } from './cluster-keys.js';
import type { ClusterKeys } from './cluster-keys.js';
import { DATAGRAM_TYPES, headerIndex, headerType, readU32, writeHeader, writeU32 } from './datagram-header.js';
import { MAX_HANDSHAKE_BYTES } from '../limits.js';

const SENDER_INDEX_BYTES = 4;
const TRAILER_BYTES = 2 * MAC_BYTES;

export type HandshakeType = 1 | 2 | 3;

export interface HandshakeDatagram {
  readonly type: HandshakeType;
  /** Zero in type 1. */
  readonly receiverIndex: number;
  /** Zero in type 3. */
  readonly senderIndex: number;
  readonly noise: Uint8Array;
  readonly mac: Uint8Array;
}

/** Bytes that a datagram of this type adds to its Noise message. */
export function handshakeOverhead(type: HandshakeType): number {
  return noiseAt(type) + TRAILER_BYTES;
}

/** The datagram without a cookie. */
export function encodeHandshake(message: Omit<HandshakeDatagram, 'mac'>, keys: ClusterKeys): Uint8Array {
  const at = noiseAt(message.type);
  const bytes = new Uint8Array(at + message.noise.length + TRAILER_BYTES);
  writeHeader(bytes, message.type, message.receiverIndex);
  if (message.type !== DATAGRAM_TYPES.confirmation) writeU32(bytes, DATAGRAM_HEADER_BYTES, message.senderIndex);
  bytes.set(message.noise, at);
  bytes.set(keys.mac(bytes.subarray(0, -TRAILER_BYTES)), bytes.length - TRAILER_BYTES);
  return bytes;
}

/** Views into `bytes`, or null when they are not a handshake datagram. Does not check the MAC. */
export function readHandshake(bytes: Uint8Array): HandshakeDatagram | null {
  const type = headerType(bytes);
  if (type === null || type === DATAGRAM_TYPES.cookie || bytes.length > MAX_HANDSHAKE_BYTES) return null;
  const at = noiseAt(type);
  if (bytes.length < at + TRAILER_BYTES) return null;
  return {
    type,
    receiverIndex: headerIndex(bytes),
    senderIndex: type === DATAGRAM_TYPES.confirmation ? 0 : readU32(bytes, DATAGRAM_HEADER_BYTES),
    noise: bytes.subarray(at, -TRAILER_BYTES),
    mac: bytes.subarray(bytes.length - TRAILER_BYTES, bytes.length - MAC_BYTES),
  };
}

/** Whether the sender knew the cluster secret. For bytes that {@link readHandshake} accepted. */
export function hasValidMac(bytes: Uint8Array, keys: ClusterKeys): boolean {
  const mac = bytes.subarray(bytes.length - TRAILER_BYTES, bytes.length - MAC_BYTES);
  return macsEqual(mac, keys.mac(bytes.subarray(0, -TRAILER_BYTES)));
}

/** A copy of `bytes` that proves possession of `cookie`. */
export function withCookie(bytes: Uint8Array, cookie: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes);
  copy.set(macUnder(cookie, copy.subarray(0, -MAC_BYTES)), copy.length - MAC_BYTES);
  return copy;
}

export function hasValidCookie(bytes: Uint8Array, cookie: Uint8Array): boolean {
  return macsEqual(bytes.subarray(-MAC_BYTES), macUnder(cookie, bytes.subarray(0, -MAC_BYTES)));
}

function noiseAt(type: HandshakeType): number {
  return DATAGRAM_HEADER_BYTES + (type === DATAGRAM_TYPES.confirmation ? 0 : SENDER_INDEX_BYTES);
}
