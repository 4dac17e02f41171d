/**
 * X25519 (RFC 7748) and Ed25519 (RFC 8032) on node:crypto, with keys as raw 32-byte strings. Private keys are built from
 * bytes that the caller supplies, so that a seeded source gives the same keys again.
 *
 * Keys enter and leave node:crypto as JSON Web Keys (RFC 8037), except private ones where Node refuses them. On Node 20.20 a
 * private key takes 37 us so, and 430 as PKCS #8; a public one 19 instead of 93. Node 24 decodes PKCS #8 in 46 us.
 */
import { createPrivateKey, createPublicKey, diffieHellman, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { HandshakeError } from '../../common/errors.js';

export const KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;

type Curve = 'X25519' | 'Ed25519';

/** A private JWK has a public part, which is not known yet. Node 20 does not read it; the newest Node 24 compares it. */
const UNKNOWN_PUBLIC_PART = Buffer.alloc(KEY_BYTES).toString('base64url');
const JWK_IS_TAKEN = isTaken(fromJwk);
/** PKCS #8 (RFC 8410) before the 32 bytes of the key. */
const PKCS8_HEADS = {
  X25519: Buffer.from('302e020100300506032b656e04220420', 'hex'),
  Ed25519: Buffer.from('302e020100300506032b657004220420', 'hex'),
};

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
    throw new HandshakeError('badKey', 'the peer sent a public key of low order, which X25519 refuses', {
      cause: thrown,
    });
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

function keyPair(crv: Curve, seed: Uint8Array): KeyPair {
  const privateKey = JWK_IS_TAKEN ? fromJwk(crv, seed) : fromPkcs8(crv, seed);
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { privateKey, publicKey: new Uint8Array(Buffer.from(x!, 'base64url')) };
}

function fromJwk(crv: Curve, seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: { kty: 'OKP', crv, d: base64url(seed), x: UNKNOWN_PUBLIC_PART }, format: 'jwk' });
}

function fromPkcs8(crv: Curve, seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_HEADS[crv], seed]), format: 'der', type: 'pkcs8' });
}

function isTaken(decode: typeof fromJwk): boolean {
  try {
    decode('X25519', new Uint8Array(KEY_BYTES).fill(1));
    return true;
  } catch {
    return false;
  }
}

function publicKeyOf(crv: Curve, raw: Uint8Array): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv, x: base64url(raw) }, format: 'jwk' });
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
