/** Reference of sealing: the same unit by `node:crypto`, which the engines are compared with before they are used. */
import { createCipheriv } from 'node:crypto';
import type { CipherGCMTypes } from 'node:crypto';
import type { CipherName } from '../../common/router-port.js';
import type { UnitBinding } from '../../common/wire/sealed-unit.js';
import {
  AAD_BYTES,
  NONCE_BYTES,
  SALT_BYTES,
  TAG_BYTES,
  writeAssociatedData,
  writeCounter,
} from '../../common/wire/sealed-unit.js';

/** Ciphertext and tag of a unit. */
export function referenceSeal(
  cipher: CipherName,
  key: Uint8Array,
  salt: Uint8Array,
  plain: Uint8Array,
  unit: UnitBinding,
): Uint8Array {
  const sealer = createCipheriv(nodeCipher(cipher), key, nonceOf(salt, unit.counter), { authTagLength: TAG_BYTES });
  sealer.setAAD(associatedData(unit, plain.length), { plaintextLength: plain.length });
  return Buffer.concat([sealer.update(plain), sealer.final(), sealer.getAuthTag()]);
}

/** Node takes ChaCha20-Poly1305 by the calls of AES-GCM, but its types do not say so. */
export function nodeCipher(cipher: CipherName): CipherGCMTypes {
  return cipher as CipherGCMTypes;
}

export function nonceOf(salt: Uint8Array, counter: number): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES);
  nonce.set(salt);
  writeCounter(nonce, SALT_BYTES, counter);
  return nonce;
}

export function associatedData(unit: UnitBinding, plainBytes: number): Uint8Array {
  const data = new Uint8Array(AAD_BYTES);
  writeAssociatedData(data, 0, unit, plainBytes);
  return data;
}
