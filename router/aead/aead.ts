/**
 * Sealing and opening of units in place, in the arena: AES-256-GCM (NIST SP 800-38D) or ChaCha20-Poly1305 (RFC 8439).
 * Here: what an engine offers, the keys of a lane, the associated data. The engines are `aead-openssl.ts` and
 * `aead-ipsec-mb.ts`; which one serves is `aead-selection.ts`. The memory around a unit:
 *
 *    unit - 8          unit                                unit + length        + 16
 *   +-----------------+-----------------------------------+--------------------+
 *   | scratch, 8 bytes| plaintext, becomes ciphertext     | tag                |
 *   +-----------------+-----------------------------------+--------------------+
 */
import { hkdfSync } from 'node:crypto';
import type { CipherName } from '../../common/router-port.js';

export const KEY_BYTES = 32;
export const SALT_BYTES = 4;

/** One direction of one lane: a key that seals, or one that opens. Offsets are of the arena. */
export interface SealingKey {
  /** Seals `length` bytes at `unit` and writes the tag behind them. The counter must never repeat. */
  seal(unit: number, length: number, counter: number, type: number, lane: number, fragments: number): void;
  destroy(): void;
}

export interface OpeningKey {
  /** Opens `length` bytes of ciphertext at `unit` (the tag follows them). False when the tag is wrong. */
  open(unit: number, length: number, counter: number, type: number, lane: number, fragments: number): boolean;
  destroy(): void;
}

export interface AeadEngine {
  readonly name: string;
  sealingKey(cipher: CipherName, key: Uint8Array, salt: Uint8Array): SealingKey;
  openingKey(cipher: CipherName, key: Uint8Array, salt: Uint8Array): OpeningKey;
}

/** Key and salt of one lane, derived from the base key of a direction (`docs/wire.md`, keys). */
export function laneKey(baseKey: Uint8Array, lane: number): { key: Uint8Array; salt: Uint8Array } {
  const info = Buffer.concat([Buffer.from('heddle lane '), Uint8Array.of(lane)]);
  const okm = new Uint8Array(hkdfSync('sha256', baseKey, new Uint8Array(0), info, KEY_BYTES + SALT_BYTES));
  return { key: okm.subarray(0, KEY_BYTES), salt: okm.subarray(KEY_BYTES) };
}

/** The unit counter as u64, big-endian. */
export function writeCounter(u8: Uint8Array, at: number, counter: number): void {
  const high = (counter / 2 ** 32) | 0;
  u8[at] = 0;
  u8[at + 1] = 0;
  u8[at + 2] = high >>> 8;
  u8[at + 3] = high;
  u8[at + 4] = counter >>> 24;
  u8[at + 5] = counter >>> 16;
  u8[at + 6] = counter >>> 8;
  u8[at + 7] = counter;
}

/** Writes the 13 bytes of associated data at `at`: counter u64, type, lane, fragments, plaintext length u16. */
export function writeAssociatedData(
  u8: Uint8Array,
  at: number,
  counter: number,
  type: number,
  lane: number,
  fragments: number,
  length: number,
): void {
  writeCounter(u8, at, counter);
  u8[at + 8] = type;
  u8[at + 9] = lane;
  u8[at + 10] = fragments;
  u8[at + 11] = length >>> 8;
  u8[at + 12] = length;
}
