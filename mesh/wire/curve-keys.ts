/**
 * X25519 (RFC 7748) and Ed25519 (RFC 8032) on node:crypto, with keys as raw 32-byte strings. Private keys are built from
 * bytes that the caller supplies, so that a seeded source gives the same keys again.
 */
import { createPrivateKey, createPublicKey, diffieHellman, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { HandshakeError } from '../../common/errors.js';

export const KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;

/**
 * Keys come in as JWK (RFC 8037), which OpenSSL takes as raw bytes: 30 us for a private and 8 us for a public key, where
 * DER takes it 370 us and 80 us.
 */
type Curve = 'X25519' | 'Ed25519';

/** A private JWK has to name a public key; OpenSSL computes its own from `d` and looks at no other. */
const ANY_PUBLIC_KEY = toBase64Url(new Uint8Array(KEY_BYTES));

/** `privateKey` is opaque and prints as nothing. */
export interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly privateKey: KeyObject;
}

/** @param seed 32 bytes of randomness, the private key itself */
export function x25519KeyPair(seed: Uint8Array): KeyPair {
  return keyPair('X25519', seed);
}

/** @param seed 32 bytes of randomness, the private key itself */
export function ed25519KeyPair(seed: Uint8Array): KeyPair {
  return keyPair('Ed25519', seed);
}

/** The shared secret, 32 bytes. Throws {@link HandshakeError} on a low-order public key. */
export function x25519(privateKey: KeyObject, publicKey: Uint8Array): Uint8Array {
  try {
    return diffieHellman({ privateKey, publicKey: publicKeyOf('X25519', publicKey) });
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
    return verify(null, message, publicKeyOf('Ed25519', publicKey), signature);
  } catch {
    return false;
  }
}

function keyPair(curve: Curve, seed: Uint8Array): KeyPair {
  const jwk = { kty: 'OKP', crv: curve, d: toBase64Url(seed), x: ANY_PUBLIC_KEY };
  const privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { privateKey, publicKey: new Uint8Array(Buffer.from(x!, 'base64url')) };
}

function publicKeyOf(curve: Curve, raw: Uint8Array): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: curve, x: toBase64Url(raw) }, format: 'jwk' });
}

function toBase64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
