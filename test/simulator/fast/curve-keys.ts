/**
 * Stand-in for `mesh/wire/curve-keys.ts` in simulations of many nodes: the same exports without curves. A private key is the
 * public one in an opaque object; both sides of an agreement get the same secret, and a signature is good for one key and text.
 */
import { createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { KEY_BYTES, SIGNATURE_BYTES } from '../../../mesh/wire/curve-keys.js';
import type { KeyPair } from '../../../mesh/wire/curve-keys.js';
import { isEqual, mix } from './mix.js';

export { KEY_BYTES, SIGNATURE_BYTES } from '../../../mesh/wire/curve-keys.js';
export type { KeyPair } from '../../../mesh/wire/curve-keys.js';

/** The bytes of a private key, kept at it: an export takes longer than all else here. */
const BYTES = Symbol('bytes');

type Key = KeyObject & { [BYTES]?: Uint8Array };

export function x25519KeyPair(seed: Uint8Array): KeyPair {
  return keyPair(seed, 1);
}

export function ed25519KeyPair(seed: Uint8Array): KeyPair {
  return keyPair(seed, 2);
}

export function x25519(privateKey: KeyObject, publicKey: Uint8Array): Uint8Array {
  const own = bytesOf(privateKey);
  return mix(
    KEY_BYTES,
    Uint8Array.from(publicKey, (byte, i) => byte + own[i]!),
  );
}

export function signEd25519(privateKey: KeyObject, message: Uint8Array): Uint8Array {
  return mix(SIGNATURE_BYTES, bytesOf(privateKey), message);
}

export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  return isEqual(mix(SIGNATURE_BYTES, publicKey, message), signature);
}

function keyPair(seed: Uint8Array, curve: number): KeyPair {
  const publicKey = mix(KEY_BYTES, seed, Uint8Array.of(curve));
  return { publicKey, privateKey: createSecretKey(publicKey) };
}

function bytesOf(privateKey: Key): Uint8Array {
  return (privateKey[BYTES] ??= privateKey.export());
}
