/**
 * Cryptographic functions that a Noise protocol name chooses (revision 34, sections 4 and 12): AEAD and hash. The DH function
 * is always 25519 (`curve-keys.ts`).
 */
import { createCipheriv, createDecipheriv, createHash, createHmac } from 'node:crypto';
import { HandshakeError } from '../../common/errors.js';

export const TAG_BYTES = 16;

const CIPHERS = { ChaChaPoly: 'chacha20-poly1305', AESGCM: 'aes-256-gcm' } as const;
const HASHES = { BLAKE2s: 'blake2s256', BLAKE2b: 'blake2b512', SHA256: 'sha256', SHA512: 'sha512' } as const;
const HASH_BYTES = { BLAKE2s: 32, BLAKE2b: 64, SHA256: 32, SHA512: 64 } as const;

export type NoiseCipher = keyof typeof CIPHERS;
export type NoiseHash = keyof typeof HASHES;

export interface Suite {
  readonly cipher: NoiseCipher;
  readonly hash: NoiseHash;
  /** HASHLEN. */
  readonly hashBytes: number;
}

export function suiteOf(cipher: NoiseCipher, hash: NoiseHash): Suite {
  return { cipher, hash, hashBytes: HASH_BYTES[hash] };
}

export function isNoiseCipher(name: string): name is NoiseCipher {
  return Object.hasOwn(CIPHERS, name);
}

export function isNoiseHash(name: string): name is NoiseHash {
  return Object.hasOwn(HASHES, name);
}

/** Seals; the tag is appended. */
export function seal(
  suite: Suite,
  key: Uint8Array,
  counter: bigint,
  ad: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  const cipher = createCipheriv(cipherOf(suite), key, nonceOf(suite, counter), { authTagLength: TAG_BYTES });
  cipher.setAAD(ad, { plaintextLength: plaintext.length });
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** Opens what {@link seal} made. Throws {@link HandshakeError} when it does not authenticate. */
export function open(suite: Suite, key: Uint8Array, counter: bigint, ad: Uint8Array, sealed: Uint8Array): Uint8Array {
  if (sealed.length < TAG_BYTES)
    throw new HandshakeError(
      'tooShort',
      `a handshake message has a sealed part of ${sealed.length} bytes, a tag alone has ${TAG_BYTES}`,
    );
  const end = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv(cipherOf(suite), key, nonceOf(suite, counter), { authTagLength: TAG_BYTES });
  decipher.setAAD(ad, { plaintextLength: end });
  decipher.setAuthTag(sealed.subarray(end));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, end)), decipher.final()]);
  } catch (thrown) {
    throw new HandshakeError('badTag', 'a handshake message has a bad tag', { cause: thrown });
  }
}

export function hash(suite: Suite, ...parts: readonly Uint8Array[]): Uint8Array {
  const digest = createHash(HASHES[suite.hash]);
  for (const part of parts) digest.update(part);
  return digest.digest();
}

/** HKDF as Noise defines it (section 4.3): `outputs` strings of HASHLEN bytes. */
export function hkdf(suite: Suite, chainingKey: Uint8Array, material: Uint8Array, outputs: 2 | 3): Uint8Array[] {
  const secret = hmac(suite, chainingKey, material);
  const result: Uint8Array[] = [];
  let last: Uint8Array = new Uint8Array(0);
  for (let i = 1; i <= outputs; i++) {
    last = hmac(suite, secret, last, Uint8Array.of(i));
    result.push(last);
  }
  return result;
}

function hmac(suite: Suite, key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const mac = createHmac(HASHES[suite.hash], key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** `createCipheriv` has one overload per mode; both modes here take the AEAD options. */
function cipherOf(suite: Suite): 'aes-256-gcm' {
  return CIPHERS[suite.cipher] as 'aes-256-gcm';
}

/** 96 bits: 32 zero bits and the counter, little-endian for ChaChaPoly, big-endian for AESGCM (section 12). */
function nonceOf(suite: Suite, counter: bigint): Uint8Array {
  const nonce = Buffer.alloc(12);
  if (suite.cipher === 'ChaChaPoly') nonce.writeBigUInt64LE(counter, 4);
  else nonce.writeBigUInt64BE(counter, 4);
  return nonce;
}
