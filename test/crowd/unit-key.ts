/**
 * Sealing and opening of units with `node:crypto` (`docs/wire.md`, section 3): one direction of one lane of a session.
 * The slow obvious twin of the router's engines, for nodes that only pretend to forward.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { CipherGCMTypes } from 'node:crypto';
import type { CipherName } from '../../common/router-port.js';
import { laneKey, SALT_BYTES, writeAssociatedData, writeCounter } from '../../router/aead/aead.js';
import { AAD_BYTES, TAG_BYTES } from '../../common/wire/datagram.js';

const NONCE_BYTES = 12;
const TAG = { authTagLength: TAG_BYTES };
/** Units of a crowd travel in the first lane. */
const LANE = 0;

/** What is bound to a unit beside its bytes. */
export interface UnitName {
  readonly type: number;
  readonly counter: number;
  readonly fragments: number;
}

export class UnitKey {
  readonly #cipher: CipherGCMTypes;
  readonly #key: Uint8Array;
  readonly #salt: Uint8Array;

  /** @param baseKey of one direction, as the handshake gave it */
  constructor(cipher: CipherName, baseKey: Uint8Array) {
    // Node takes ChaCha20-Poly1305 by the same calls, its types do not say so.
    this.#cipher = cipher as CipherGCMTypes;
    ({ key: this.#key, salt: this.#salt } = laneKey(baseKey, LANE));
  }

  /** Ciphertext with its tag. */
  seal(plaintext: Uint8Array, name: UnitName): Uint8Array {
    const cipher = createCipheriv(this.#cipher, this.#key, this.#nonce(name.counter), TAG);
    cipher.setAAD(associatedData(name, plaintext.length), { plaintextLength: plaintext.length });
    return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  }

  /** The plaintext, or null when the unit is not authentic. `sealed` has at least a tag's length. */
  open(sealed: Uint8Array, name: UnitName): Uint8Array | null {
    const length = sealed.length - TAG_BYTES;
    const decipher = createDecipheriv(this.#cipher, this.#key, this.#nonce(name.counter), TAG);
    decipher.setAAD(associatedData(name, length), { plaintextLength: length });
    decipher.setAuthTag(sealed.subarray(length));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(0, length)), decipher.final()]);
    } catch {
      // What OpenSSL says of a wrong tag has no code of its own.
      return null;
    }
  }

  #nonce(counter: number): Uint8Array {
    const nonce = new Uint8Array(NONCE_BYTES);
    nonce.set(this.#salt);
    writeCounter(nonce, SALT_BYTES, counter);
    return nonce;
  }
}

function associatedData({ type, counter, fragments }: UnitName, length: number): Uint8Array {
  const data = new Uint8Array(AAD_BYTES);
  writeAssociatedData(data, 0, counter, type, LANE, fragments, length);
  return data;
}
