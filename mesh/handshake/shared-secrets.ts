/** Shared secrets of this node's static key and those of other nodes, each computed once. */
import type { KeyObject } from 'node:crypto';
import { BoundedMap } from '../../common/bounded-map.js';
import { HandshakeError } from '../../common/errors.js';
import { MAX_MEMBERS } from '../limits.js';
import { x25519 } from '../wire/curve-keys.js';

export class SharedSecrets {
  readonly #ownKey: KeyObject;
  /** By static key, in hex; null for a key of low order. Bounded by MAX_MEMBERS. */
  readonly #secrets = new BoundedMap<string, Uint8Array | null>(MAX_MEMBERS);

  constructor(ownKey: KeyObject) {
    this.#ownKey = ownKey;
  }

  /** The secret shared with the node of this static key; null for a key that X25519 refuses. */
  with(staticKey: Uint8Array): Uint8Array | null {
    const name = Buffer.from(staticKey).toString('hex');
    const known = this.#secrets.get(name);
    if (known !== undefined) return known;
    const secret = this.#compute(staticKey);
    this.#secrets.set(name, secret);
    return secret;
  }

  #compute(staticKey: Uint8Array): Uint8Array | null {
    try {
      return x25519(this.#ownKey, staticKey);
    } catch (thrown) {
      if (thrown instanceof HandshakeError) return null;
      throw thrown;
    }
  }
}
