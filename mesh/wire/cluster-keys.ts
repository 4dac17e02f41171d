/**
 * Keys derived from one cluster secret: the PSK of handshakes (the secret itself), the key of the MAC in every handshake
 * datagram, by which a datagram from outside the cluster is recognized before any curve operation, the keys that seal the
 * hellos of initiations, the key of the MAC of revocations, and an identifier that tells nothing about the secret.
 */
import { createHmac } from 'node:crypto';
import { assert } from '../../common/errors.js';
import type { ClusterMac } from '../../common/wire/handshake-mac.js';
import { macUnder } from '../../common/wire/handshake-mac.js';
import { KEY_BYTES } from './curve-keys.js';

const REVOCATION_MAC_BYTES = 16;

/** Two secrets have the same one by chance once in 4 billion. */
const SECRET_ID_BYTES = 4;
/** Of {@link ClusterKeys.id}. */
export const SECRET_ID_DIGITS = 2 * SECRET_ID_BYTES;

export class ClusterKeys implements ClusterMac {
  /** 8 hex digits, public: nodes tell by it which secrets they have. */
  readonly id: string;
  readonly #psk: Uint8Array;
  readonly #macKey: Uint8Array;

  /** @param secret the cluster secret, 32 bytes */
  constructor(secret: Uint8Array) {
    this.#psk = pskOf(secret);
    this.#macKey = macKeyOf(secret);
    this.id = secretIdOf(secret);
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

/** See {@link ClusterKeys.id}. */
export function secretIdOf(secret: Uint8Array): string {
  const digest = createHmac('blake2s256', secret).update('heddle/2 secret id').digest();
  return digest.subarray(0, SECRET_ID_BYTES).toString('hex');
}

function macKeyOf(secret: Uint8Array): Uint8Array {
  return createHmac('blake2s256', secret).update('heddle/1 handshake mac').digest();
}
