/**
 * Datagram types 1 to 3, initiation, response and confirmation: one Noise message with its MACs (`docs/wire.md`, section 6).
 * The MAC is keyed from the cluster secret and covers all bytes in front of it; the cookie MAC is keyed by a cookie of the
 * receiver and covers all bytes in front of it, or is zero.
 *
 * ```
 *  0         16             20 (confirmation: 16)                     -32   -16    end
 *  +---------+--------------+-----------------------------------------+-----+--------+
 *  | header  | sender index | Noise message                           | MAC | cookie |
 *  |         | not in conf. |                                         |     | MAC    |
 *  +---------+--------------+-----------------------------------------+-----+--------+
 *  header's session index: initiation zero, response the initiator's, confirmation the responder's
 * ```
 */
import {
  checkDatagram,
  DATAGRAM_HEADER_BYTES,
  datagramType,
  describeHeader,
  readHeader,
  TYPE_CONFIRMATION,
  TYPE_INITIATION,
  TYPE_RESPONSE,
  writeMessageHeader,
} from './datagram-header.js';
import type { ClusterMac } from './handshake-mac.js';
import { MAC_BYTES, macsEqual, macUnder } from './handshake-mac.js';

const SENDER_INDEX_AT = DATAGRAM_HEADER_BYTES;
const SENDER_INDEX_BYTES = 4;
const TRAILER_BYTES = 2 * MAC_BYTES;
/** The longest handshake datagram that is read. */
export const MAX_HANDSHAKE_BYTES = 4096;

export type HandshakeType = typeof TYPE_INITIATION | typeof TYPE_RESPONSE | typeof TYPE_CONFIRMATION;

export interface HandshakeDatagram {
  readonly type: HandshakeType;
  /** Zero in an initiation. */
  readonly receiverIndex: number;
  /** Zero in a confirmation. */
  readonly senderIndex: number;
  readonly noise: Uint8Array;
  readonly mac: Uint8Array;
}

/** Bytes that a datagram of this type adds to its Noise message. */
export function handshakeOverhead(type: HandshakeType): number {
  return noiseAt(type) + TRAILER_BYTES;
}

/** Whether the bytes have the shape of a handshake datagram. Does not check the MAC. */
function checkHandshake(bytes: Uint8Array): boolean {
  const type = datagramType(bytes);
  if (!isHandshakeType(type) || !checkDatagram(bytes)) return false;
  return bytes.length >= handshakeOverhead(type) && bytes.length <= MAX_HANDSHAKE_BYTES;
}

/** Views into `bytes`, or null when they are not a handshake datagram. Does not check the MAC. */
export function readHandshake(bytes: Uint8Array): HandshakeDatagram | null {
  const type = datagramType(bytes);
  if (!isHandshakeType(type) || !checkHandshake(bytes)) return null;
  return {
    type,
    receiverIndex: readHeader(bytes).index,
    senderIndex: type === TYPE_CONFIRMATION ? 0 : viewOf(bytes).getUint32(SENDER_INDEX_AT),
    noise: bytes.subarray(noiseAt(type), -TRAILER_BYTES),
    mac: macOf(bytes),
  };
}

/** The datagram without a cookie. */
export function encodeHandshake(message: Omit<HandshakeDatagram, 'mac'>, cluster: ClusterMac): Uint8Array {
  const at = noiseAt(message.type);
  const bytes = new Uint8Array(at + message.noise.length + TRAILER_BYTES);
  writeMessageHeader(bytes, message.type, message.receiverIndex);
  if (message.type !== TYPE_CONFIRMATION) viewOf(bytes).setUint32(SENDER_INDEX_AT, message.senderIndex);
  bytes.set(message.noise, at);
  macOf(bytes).set(cluster.mac(bytes.subarray(0, -TRAILER_BYTES)));
  return bytes;
}

/** Whether the sender has the cluster secret. For bytes that {@link readHandshake} accepted. */
export function hasValidMac(bytes: Uint8Array, cluster: ClusterMac): boolean {
  return macsEqual(macOf(bytes), cluster.mac(bytes.subarray(0, -TRAILER_BYTES)));
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

/** One line for people: `initiation, session 0x00000000, sender index 0x11223344, Noise message of 1032 bytes`. */
export function describeHandshake(bytes: Uint8Array): string {
  const message = readHandshake(bytes);
  if (message === null) return `no handshake datagram (${bytes.length} bytes)`;
  const sender =
    message.type === TYPE_CONFIRMATION ? '' : `, sender index 0x${message.senderIndex.toString(16).padStart(8, '0')}`;
  return `${describeHeader(readHeader(bytes))}${sender}, Noise message of ${message.noise.length} bytes`;
}

function isHandshakeType(type: number): type is HandshakeType {
  return type === TYPE_INITIATION || type === TYPE_RESPONSE || type === TYPE_CONFIRMATION;
}

function noiseAt(type: HandshakeType): number {
  return DATAGRAM_HEADER_BYTES + (type === TYPE_CONFIRMATION ? 0 : SENDER_INDEX_BYTES);
}

function macOf(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(bytes.length - TRAILER_BYTES, bytes.length - MAC_BYTES);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
