/**
 * Sealed unit: what is sealed and opened at once, and the fragments it travels in (`docs/wire.md`, sections 2 and 3).
 * AES-256-GCM (NIST SP 800-38D) or ChaCha20-Poly1305 (RFC 8439), as the handshake chose. Big-endian.
 *
 * ```
 *  +-----------------------------------------------------+----------+
 *  | ciphertext                                          | tag, 16  |     as it is sealed
 *  +--------------------+--------------------+-----------+----------+
 *  | fragment 0         | fragment 1         | last fragment        |     as it travels: equal sizes, the last may be shorter
 *  +--------------------+--------------------+----------------------+
 *
 *  nonce                                     associated data
 *  0           4                12           0              8      9      10          11                    13
 *  +-----------+----------------+            +--------------+------+------+-----------+---------------------+
 *  | lane salt | unit counter   |            | unit counter | type | lane | fragments | plaintext bytes u16 |
 *  | 4 bytes   | u64            |            | u64          | u8   | u8   | u8        |                     |
 *  +-----------+----------------+            +--------------+------+------+-----------+---------------------+
 * ```
 * The associated data has the shape of a TLS 1.2 record's (RFC 5246, 6.2.3.3), which OpenSSL's record mode needs (ADR 0006).
 */
import { assert } from '../errors.js';
import { MAX_CONTROL_BYTES, MAX_UNIT_BYTES } from '../protocol.js';

export const TAG_BYTES = 16;
export const SALT_BYTES = 4;
const COUNTER_BYTES = 8;
const TWO_POW_32 = 2 ** 32;
export const NONCE_BYTES = SALT_BYTES + COUNTER_BYTES;
const TYPE_AT = COUNTER_BYTES;
const LANE_AT = TYPE_AT + 1;
const FRAGMENTS_AT = LANE_AT + 1;
/** Where the length of the plaintext stands in the associated data. */
export const AAD_LENGTH_AT = FRAGMENTS_AT + 1;
export const AAD_BYTES = AAD_LENGTH_AT + 2;

/** What is bound to a unit beside its plaintext; associated data and nonce are made of it. */
export interface UnitBinding {
  readonly counter: number;
  readonly type: number;
  readonly lane: number;
  readonly fragments: number;
}

assert(MAX_CONTROL_BYTES + TAG_BYTES <= MAX_UNIT_BYTES, 'a control message fits a sealed unit');

/** Bytes of a unit in each datagram of a path: a multiple of 4, so that fragments stay aligned in memory. */
export function fragmentBytesFor(pathMtuBytes: number, headersBytes: number): number {
  return (pathMtuBytes - headersBytes) & ~3;
}

/** Number of fragments of a sealed unit. */
export function fragmentsFor(unitBytes: number, fragmentBytes: number): number {
  return Math.ceil(unitBytes / fragmentBytes);
}

/** The unit counter as u64. */
export function writeCounter(u8: Uint8Array, at: number, counter: number): void {
  const high = (counter / TWO_POW_32) | 0;
  u8[at] = 0;
  u8[at + 1] = 0;
  u8[at + 2] = high >>> 8;
  u8[at + 3] = high;
  u8[at + 4] = counter >>> 24;
  u8[at + 5] = counter >>> 16;
  u8[at + 6] = counter >>> 8;
  u8[at + 7] = counter;
}

/** Writes the associated data of a unit with `length` bytes of plaintext at `at`. */
export function writeAssociatedData(u8: Uint8Array, at: number, unit: UnitBinding, length: number): void {
  writeCounter(u8, at, unit.counter);
  u8[at + TYPE_AT] = unit.type;
  u8[at + LANE_AT] = unit.lane;
  u8[at + FRAGMENTS_AT] = unit.fragments;
  u8[at + AAD_LENGTH_AT] = length >>> 8;
  u8[at + AAD_LENGTH_AT + 1] = length;
}
