/**
 * AEAD engine: what it offers, and the keys of a lane. Units are sealed and opened in place, in the arena, with AES-256-GCM
 * (NIST SP 800-38D) or ChaCha20-Poly1305 (RFC 8439). The engines are `openssl.ts` and `ipsec-mb.ts`; `selection.ts` chooses
 * one of them. The memory around a unit:
 *
 *    at - 8            at                                  at + length          + 16
 *   +-----------------+-----------------------------------+--------------------+
 *   | scratch, 8 bytes| plaintext, becomes ciphertext     | tag                |
 *   +-----------------+-----------------------------------+--------------------+
 */
import { hkdfSync } from 'node:crypto';
import type { CipherName } from '../../common/router-port.js';
import type { UnitBinding } from '../../common/wire/sealed-unit.js';
import { SALT_BYTES } from '../../common/wire/sealed-unit.js';

export const KEY_BYTES = 32;

/** Key of one direction of one lane that seals. Offsets are of the arena. */
export interface SealingKey {
  /** Seals the `length` bytes at `at` and writes the tag behind them. The unit's counter must never repeat. */
  seal(at: number, length: number, unit: UnitBinding): void;
  destroy(): void;
}

/** Key of one direction of one lane that opens. */
export interface OpeningKey {
  /** Opens the `length` bytes of ciphertext at `at`, which the tag follows. False when the tag is wrong. */
  open(at: number, length: number, unit: UnitBinding): boolean;
  destroy(): void;
}

export interface AeadEngine {
  readonly name: string;
  /** Keys that found no room in the engine's pool; the fallback engine has them. */
  readonly refusedKeys: number;
  /** @param firstCounter of the first unit that is sealed: units are sealed in counter order */
  sealingKey(cipher: CipherName, key: Uint8Array, salt: Uint8Array, firstCounter?: number): SealingKey;
  openingKey(cipher: CipherName, key: Uint8Array, salt: Uint8Array): OpeningKey;
}

/** Key and salt of one lane, derived from the base key of a direction (`docs/wire.md`, keys). */
export function laneKey(baseKey: Uint8Array, lane: number): { key: Uint8Array; salt: Uint8Array } {
  const info = Buffer.concat([Buffer.from('heddle lane '), Uint8Array.of(lane)]);
  const okm = new Uint8Array(hkdfSync('sha256', baseKey, new Uint8Array(0), info, KEY_BYTES + SALT_BYTES));
  return { key: okm.subarray(0, KEY_BYTES), salt: okm.subarray(KEY_BYTES) };
}
