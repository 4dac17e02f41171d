/**
 * Sealing and opening of units in place, in the arena: AES-256-GCM (NIST SP 800-38D) or ChaCha20-Poly1305 (RFC 8439).
 * Two engines give the same bytes: Intel's multi-buffer library when the host has it (one call per unit, wide vector
 * AES) and the OpenSSL inside Node otherwise. An engine is used only after its self-test against `node:crypto`.
 * Owns the memory layout around a unit:
 *
 *    unit - 8          unit                                unit + length        + 16
 *   +-----------------+-----------------------------------+--------------------+
 *   | scratch, 8 bytes| plaintext, becomes ciphertext     | tag                |
 *   +-----------------+-----------------------------------+--------------------+
 */
import { createCipheriv, hkdfSync } from 'node:crypto';
import { HeddleError } from '../common/errors.js';
import type { CipherName } from '../common/router-port.js';
import type { Arena } from './arena.js';
import { createIpsecMbEngine } from './aead-ipsec-mb.js';
import { createOpensslEngine } from './aead-openssl.js';
import { AAD_BYTES, TAG_BYTES } from './datagram.js';

export const KEY_BYTES = 32;
export const SALT_BYTES = 4;

/** One direction of one lane: a key that seals, or one that opens. Offsets are of the arena. */
export interface SealingKey {
  /** Seals `length` bytes at `unit` and writes the tag behind them. The counter must never repeat. */
  seal(unit: number, length: number, counter: number, type: number, lane: number, chunks: number): void;
  destroy(): void;
}

export interface OpeningKey {
  /** Opens `length` bytes of ciphertext at `unit` (the tag follows them). False when the tag is wrong. */
  open(unit: number, length: number, counter: number, type: number, lane: number, chunks: number): boolean;
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

/** Writes the 13 bytes of associated data at `at`: counter u64, type, lane, chunks, plaintext length u16. */
export function writeAssociatedData(
  u8: Uint8Array,
  at: number,
  counter: number,
  type: number,
  lane: number,
  chunks: number,
  length: number,
): void {
  const high = (counter / 2 ** 32) | 0;
  u8[at] = 0;
  u8[at + 1] = 0;
  u8[at + 2] = high >>> 8;
  u8[at + 3] = high;
  u8[at + 4] = counter >>> 24;
  u8[at + 5] = counter >>> 16;
  u8[at + 6] = counter >>> 8;
  u8[at + 7] = counter;
  u8[at + 8] = type;
  u8[at + 9] = lane;
  u8[at + 10] = chunks;
  u8[at + 11] = length >>> 8;
  u8[at + 12] = length;
}

/** The fastest engine that passes its self-test. Throws PLATFORM_UNSUPPORTED when not even OpenSSL does. */
export function selectAeadEngine(arena: Arena): AeadEngine {
  const openssl = createOpensslEngine(arena);
  if (!selfTest(openssl, arena, 'aes-256-gcm') || !selfTest(openssl, arena, 'chacha20-poly1305')) {
    throw new HeddleError('PLATFORM_UNSUPPORTED', 'the OpenSSL of this Node does not seal as node:crypto does');
  }
  const wide = createIpsecMbEngine(arena, openssl);
  return wide !== null && selfTest(wide, arena, 'aes-256-gcm') ? wide : openssl;
}

/** Seals and opens units of several sizes and compares with `node:crypto`; a changed byte must not open. */
export function selfTest(engine: AeadEngine, arena: Arena, cipher: CipherName): boolean {
  const key = Uint8Array.from({ length: KEY_BYTES }, (_, i) => i * 7 + 1);
  const salt = Uint8Array.of(9, 8, 7, 6);
  const sealing = engine.sealingKey(cipher, key, salt);
  const opening = engine.openingKey(cipher, key, salt);
  const unit = arena.allocate(8 + 2048 + TAG_BYTES) + 8;
  let good = true;
  for (const [index, length] of [1, 16, 64, 333, 1400, 2000].entries()) {
    const counter = index;
    const plain = Uint8Array.from({ length }, (_, i) => i * 3 + index);
    arena.u8.set(plain, unit);
    sealing.seal(unit, length, counter, 5, 0, 1);
    const expected = referenceSeal(cipher, key, salt, counter, plain);
    good &&= Buffer.compare(expected, arena.u8.subarray(unit, unit + length + TAG_BYTES)) === 0;
    good &&= opening.open(unit, length, counter, 5, 0, 1);
    good &&= Buffer.compare(plain, arena.u8.subarray(unit, unit + length)) === 0;
    arena.u8.set(expected, unit);
    arena.u8[unit] = (arena.u8[unit] ?? 0) ^ 1;
    good &&= !opening.open(unit, length, counter, 5, 0, 1);
  }
  sealing.destroy();
  opening.destroy();
  return good;
}

/** The slow obvious twin: the same unit sealed by `node:crypto`. */
export function referenceSeal(
  cipher: CipherName,
  key: Uint8Array,
  salt: Uint8Array,
  counter: number,
  plain: Uint8Array,
  type = 5,
  lane = 0,
  chunks = 1,
): Uint8Array {
  const nonce = Buffer.alloc(12);
  nonce.set(salt);
  nonce.writeBigUInt64BE(BigInt(counter), SALT_BYTES);
  const aad = new Uint8Array(AAD_BYTES);
  writeAssociatedData(aad, 0, counter, type, lane, chunks, plain.length);
  // The two branches differ only in the overload that TypeScript picks.
  const sealer =
    cipher === 'aes-256-gcm'
      ? createCipheriv('aes-256-gcm', key, nonce)
      : createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: TAG_BYTES });
  sealer.setAAD(aad, { plaintextLength: plain.length });
  return Buffer.concat([sealer.update(plain), sealer.final(), sealer.getAuthTag()]);
}
