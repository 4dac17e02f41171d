/**
 * Stand-in for `mesh/noise/suite.ts` in simulations of many nodes: the same exports, a hundred times as fast, no secrecy. What
 * was changed on the way, or sealed with another key, does not open.
 */
import { HandshakeError } from '../../../common/errors.js';
import { TAG_BYTES } from '../../../mesh/noise/suite.js';
import type { Suite } from '../../../mesh/noise/suite.js';
import { isEqual, mix } from './mix.js';

export { isNoiseCipher, isNoiseHash, suiteOf, TAG_BYTES } from '../../../mesh/noise/suite.js';
export type { NoiseCipher, NoiseHash, Suite } from '../../../mesh/noise/suite.js';

export function seal(_: Suite, key: Uint8Array, counter: bigint, ad: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(plaintext.length + TAG_BYTES);
  sealed.set(plaintext);
  sealed.set(tagOf(key, counter, ad, plaintext), plaintext.length);
  return sealed;
}

/** Throws {@link HandshakeError}. */
export function open(_: Suite, key: Uint8Array, counter: bigint, ad: Uint8Array, sealed: Uint8Array): Uint8Array {
  const end = sealed.length - TAG_BYTES;
  if (end < 0) throw new HandshakeError('tooShort', `a sealed part of ${sealed.length} bytes, a tag has ${TAG_BYTES}`);
  const plaintext = Uint8Array.prototype.slice.call(sealed, 0, end);
  if (!isEqual(tagOf(key, counter, ad, plaintext), sealed.subarray(end))) {
    throw new HandshakeError('badTag', 'a handshake message has a bad tag');
  }
  return plaintext;
}

export function hash(suite: Suite, ...parts: readonly Uint8Array[]): Uint8Array {
  return mix(suite.hashBytes, ...parts);
}

export function hkdf(suite: Suite, chainingKey: Uint8Array, material: Uint8Array, outputs: 2 | 3): Uint8Array[] {
  const numbered = (i: number): Uint8Array => mix(suite.hashBytes, chainingKey, material, Uint8Array.of(i));
  return Array.from({ length: outputs }, (__, i) => numbered(i));
}

function tagOf(key: Uint8Array, counter: bigint, ad: Uint8Array, plaintext: Uint8Array): Uint8Array {
  return mix(TAG_BYTES, key, Uint8Array.of(Number(counter & 255n)), ad, plaintext);
}
