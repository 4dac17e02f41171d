/**
 * X25519 (RFC 7748) and Ed25519 (RFC 8032) on node:crypto, with keys as raw 32-byte strings. Private keys are built from
 * bytes that the caller supplies, so that a seeded source gives the same keys again.
 */
import { createPrivateKey, createPublicKey, diffieHellman, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { HandshakeError } from '../../common/errors.js';

export const KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;

/** DER prefixes of RFC 8410: everything in front of the raw key. */
const PKCS8_X25519 = Buffer.from('302e020100300506032b656e04220420', 'hex');
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_X25519 = Buffer.from('302a300506032b656e032100', 'hex');
const SPKI_ED25519 = Buffer.from('302a300506032b6570032100', 'hex');

/** `privateKey` is opaque and prints as nothing. */
export interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly privateKey: KeyObject;
}

/** @param seed 32 bytes of randomness, the private key itself */
export function x25519KeyPair(seed: Uint8Array): KeyPair {
  return keyPair(PKCS8_X25519, seed);
}

/** @param seed 32 bytes of randomness, the private key itself */
export function ed25519KeyPair(seed: Uint8Array): KeyPair {
  return keyPair(PKCS8_ED25519, seed);
}

/** The shared secret, 32 bytes. Throws {@link HandshakeError} on a low-order public key. */
export function x25519(privateKey: KeyObject, publicKey: Uint8Array): Uint8Array {
  try {
    return diffieHellman({ privateKey, publicKey: publicKeyOf(SPKI_X25519, publicKey) });
  } catch (thrown) {
    throw new HandshakeError('badKey', 'the peer sent a key that X25519 refuses', { cause: thrown });
  }
}

export function signEd25519(privateKey: KeyObject, message: Uint8Array): Uint8Array {
  return new Uint8Array(sign(null, message, privateKey));
}

/** False on a bad signature and on a public key that is not a point of the curve. */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify(null, message, publicKeyOf(SPKI_ED25519, publicKey), signature);
  } catch {
    return false;
  }
}

function keyPair(prefix: Buffer, seed: Uint8Array): KeyPair {
  const privateKey = createPrivateKey({ key: Buffer.concat([prefix, seed]), format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return { privateKey, publicKey: new Uint8Array(spki.subarray(-KEY_BYTES)) };
}

function publicKeyOf(prefix: Buffer, raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([prefix, raw]), format: 'der', type: 'spki' });
}
