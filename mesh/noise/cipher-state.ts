/** CipherState of Noise: a key with its message counter (revision 34, section 5.1). */
import { assert } from '../../common/errors.js';
import { open, seal } from './suite.js';
import type { Suite } from './suite.js';

/** 2^64 - 1 is reserved for rekeying. */
const MAX_COUNTER = 2n ** 64n - 1n;

export class CipherState {
  readonly #suite: Suite;
  readonly #key: Uint8Array;
  #counter: bigint;

  constructor(suite: Suite, key: Uint8Array, counter = 0n) {
    this.#suite = suite;
    this.#key = key;
    this.#counter = counter;
  }

  /** The 32-byte key, for a transport with counters of its own. */
  get key(): Uint8Array {
    return this.#key;
  }

  clone(): CipherState {
    return new CipherState(this.#suite, this.#key, this.#counter);
  }

  encrypt(ad: Uint8Array, plaintext: Uint8Array): Uint8Array {
    return seal(this.#suite, this.#key, this.#next(), ad, plaintext);
  }

  /** Throws `HandshakeError`; the counter then stays where it was. */
  decrypt(ad: Uint8Array, sealed: Uint8Array): Uint8Array {
    const plaintext = open(this.#suite, this.#key, this.#counter, ad, sealed);
    this.#next();
    return plaintext;
  }

  #next(): bigint {
    assert(this.#counter < MAX_COUNTER, 'a Noise key seals fewer than 2^64 - 1 messages');
    return this.#counter++;
  }
}
