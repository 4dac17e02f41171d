/**
 * Keys derived from the cluster secret: the PSK of handshakes (the secret itself), the key of the MAC in every handshake
 * datagram, by which a datagram from outside the cluster is recognized before any curve operation, the keys that seal the
 * hellos of initiations, and the key of the MAC of revocations.
 */
import { createHmac } from 'node:crypto';
import { assert } from '../../common/errors.js';
import type { ClusterMac } from '../../common/wire/handshake-mac.js';
import { macUnder } from '../../common/wire/handshake-mac.js';
import { KEY_BYTES } from './curve-keys.js';

const REVOCATION_MAC_BYTES = 16;

export class ClusterKeys implements ClusterMac {
  #psk: Uint8Array;
  #macKey: Uint8Array;

  /** @param secret the cluster secret, 32 bytes */
  constructor(secret: Uint8Array) {
    this.#psk = pskOf(secret);
    this.#macKey = macKeyOf(secret);
  }

  /** From now on the keys are those of another secret. */
  replace(secret: Uint8Array): void {
    this.#psk = pskOf(secret);
    this.#macKey = macKeyOf(secret);
  }

  get psk(): Uint8Array {
    return this.#psk;
  }

  /** MAC over the parts, under the cluster's key. */
  mac(...parts: readonly Uint8Array[]): Uint8Array {
    return macUnder(this.#macKey, ...parts);
  }

  /** Key of the hello in an initiation with this ephemeral key. */
  initiationKey(ephemeral: Uint8Array): Uint8Array {
    return createHmac('blake2s256', this.#psk).update('heddle/2 initiation').update(ephemeral).digest();
  }

  /** MAC of a revocation, 16 bytes. */
  revocationMac(body: Uint8Array): Uint8Array {
    const key = createHmac('blake2s256', this.#psk).update('heddle/2 revocation').digest();
    return createHmac('blake2s256', key).update(body).digest().subarray(0, REVOCATION_MAC_BYTES);
  }

  toJSON(): string {
    return 'ClusterKeys';
  }
}

function pskOf(secret: Uint8Array): Uint8Array {
  assert(secret.length === KEY_BYTES, `the cluster secret has ${KEY_BYTES} bytes`);
  return new Uint8Array(secret);
}

function macKeyOf(secret: Uint8Array): Uint8Array {
  return createHmac('blake2s256', secret).update('heddle/1 handshake mac').digest();
}
