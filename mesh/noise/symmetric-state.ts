/** SymmetricState of Noise: chaining key, handshake hash and current cipher key (revision 34, section 5.2). */
import { CipherState } from './cipher-state.js';
import { KEY_BYTES } from '../wire/curve-keys.js';
import { hash, hkdf } from './suite.js';
import type { Suite } from './suite.js';

export class SymmetricState {
  readonly #suite: Suite;
  #chainingKey: Uint8Array;
  #hash: Uint8Array;
  #cipher: CipherState | null;

  private constructor(suite: Suite, chainingKey: Uint8Array, digest: Uint8Array, cipher: CipherState | null) {
    this.#suite = suite;
    this.#chainingKey = chainingKey;
    this.#hash = digest;
    this.#cipher = cipher;
  }

  /** InitializeSymmetric: the name itself when it fits the hash, its hash otherwise. */
  static start(suite: Suite, protocolName: string): SymmetricState {
    const name = Buffer.from(protocolName, 'ascii');
    const padded = new Uint8Array(suite.hashBytes);
    if (name.length <= suite.hashBytes) padded.set(name);
    const digest = name.length <= suite.hashBytes ? padded : hash(suite, name);
    return new SymmetricState(suite, digest, digest, null);
  }

  get handshakeHash(): Uint8Array {
    return this.#hash;
  }

  get hasKey(): boolean {
    return this.#cipher !== null;
  }

  /** An independent copy: byte strings are replaced, never written to, so they may be shared. */
  clone(): SymmetricState {
    return new SymmetricState(this.#suite, this.#chainingKey, this.#hash, this.#cipher?.clone() ?? null);
  }

  mixHash(data: Uint8Array): void {
    this.#hash = hash(this.#suite, this.#hash, data);
  }

  mixKey(material: Uint8Array): void {
    const [chainingKey, key] = hkdf(this.#suite, this.#chainingKey, material, 2);
    this.#chainingKey = chainingKey!;
    this.#cipher = new CipherState(this.#suite, key!.subarray(0, KEY_BYTES));
  }

  mixKeyAndHash(material: Uint8Array): void {
    const [chainingKey, mixed, key] = hkdf(this.#suite, this.#chainingKey, material, 3);
    this.#chainingKey = chainingKey!;
    this.mixHash(mixed!);
    this.#cipher = new CipherState(this.#suite, key!.subarray(0, KEY_BYTES));
  }

  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const sealed = this.#cipher?.encrypt(this.#hash, plaintext) ?? plaintext;
    this.mixHash(sealed);
    return sealed;
  }

  decryptAndHash(sealed: Uint8Array): Uint8Array {
    const plaintext = this.#cipher?.decrypt(this.#hash, sealed) ?? sealed;
    this.mixHash(sealed);
    return plaintext;
  }

  /** The two transport keys: the initiator's sending key first. */
  split(): [CipherState, CipherState] {
    const [first, second] = hkdf(this.#suite, this.#chainingKey, new Uint8Array(0), 2);
    return [
      new CipherState(this.#suite, first!.subarray(0, KEY_BYTES)),
      new CipherState(this.#suite, second!.subarray(0, KEY_BYTES)),
    ];
  }
}
