import { createPrivateKey, createPublicKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ed25519KeyPair, signEd25519, verifyEd25519, x25519, x25519KeyPair } from './curve-keys.js';

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (of: Uint8Array) => Buffer.from(of).toString('hex');

/** Everything in front of the raw private key in PKCS#8 (RFC 8410). */
const PKCS8 = {
  x25519: '302e020100300506032b656e04220420',
  ed25519: '302e020100300506032b657004220420',
};

/** The public key that node:crypto computes for a private key given as PKCS#8. */
function publicKeyOfPkcs8(prefix: string, seed: Uint8Array): string {
  const key = createPrivateKey({ key: Buffer.concat([bytes(prefix), seed]), format: 'der', type: 'pkcs8' });
  return hex(createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(-32));
}

describe('curve keys', () => {
  it('agree with the example of RFC 7748, section 6.1', () => {
    const bob = x25519KeyPair(bytes('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb'));
    const alice = bytes('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a');
    expect(hex(bob.publicKey)).toBe('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f');
    const shared = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742';
    expect(hex(x25519(bob.privateKey, alice))).toBe(shared);
  });

  it('agree with test 1 of RFC 8032, section 7.1', () => {
    const pair = ed25519KeyPair(bytes('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60'));
    expect(hex(pair.publicKey)).toBe('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
    const signature =
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555' +
      'fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b';
    expect(hex(signEd25519(pair.privateKey, bytes('')))).toBe(signature);
    expect(verifyEd25519(pair.publicKey, bytes(''), bytes(signature))).toBe(true);
    expect(verifyEd25519(pair.publicKey, bytes('00'), bytes(signature))).toBe(false);
  });

  it('are the keys that the same bytes are as PKCS#8', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (seed) => {
        expect(hex(x25519KeyPair(seed).publicKey)).toBe(publicKeyOfPkcs8(PKCS8.x25519, seed));
        expect(hex(ed25519KeyPair(seed).publicKey)).toBe(publicKeyOfPkcs8(PKCS8.ed25519, seed));
      }),
      { numRuns: 20 },
    );
  });

  it('refuse points of low order and signatures under keys that are no points', () => {
    const { privateKey } = x25519KeyPair(new Uint8Array(32).fill(5));
    expect(() => x25519(privateKey, new Uint8Array(32))).toThrow('low order');
    expect(verifyEd25519(new Uint8Array(32).fill(0xff), bytes(''), new Uint8Array(64))).toBe(false);
  });
});
