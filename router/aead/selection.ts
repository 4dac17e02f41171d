/**
 * Selection of the AEAD engine: Intel's multi-buffer library when the host has it (one call per unit, wide vector AES), the
 * OpenSSL inside Node otherwise. An engine is used only after its self-test against `node:crypto`.
 */
import { HeddleError } from '../../common/errors.js';
import type { CipherName } from '../../common/router-port.js';
import type { AeadEngine } from './aead.js';
import { KEY_BYTES } from './aead.js';
import { TYPE_DATA } from '../../common/wire/datagram-header.js';
import { TAG_BYTES } from '../../common/wire/sealed-unit.js';
import { referenceSeal } from './reference-seal.js';
import { createIpsecMbEngine } from './ipsec-mb.js';
import { createOpensslEngine } from './openssl.js';
import type { Arena } from '../kernel/arena.js';

/** The fastest engine that passes its self-test. Throws PLATFORM_UNSUPPORTED when OpenSSL fails it. */
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
  for (const [counter, length] of [1, 16, 64, 333, 1400, 2000].entries()) {
    const plain = Uint8Array.from({ length }, (_, i) => i * 3 + counter);
    arena.u8.set(plain, unit);
    const binding = { counter, type: TYPE_DATA, lane: 0, fragments: 1 };
    sealing.seal(unit, length, binding);
    const expected = referenceSeal(cipher, key, salt, plain, binding);
    good &&= Buffer.compare(expected, arena.u8.subarray(unit, unit + length + TAG_BYTES)) === 0;
    good &&= opening.open(unit, length, binding);
    good &&= Buffer.compare(plain, arena.u8.subarray(unit, unit + length)) === 0;
    arena.u8.set(expected, unit);
    arena.u8[unit] = (arena.u8[unit] ?? 0) ^ 1;
    good &&= !opening.open(unit, length, binding);
  }
  sealing.destroy();
  opening.destroy();
  return good;
}
