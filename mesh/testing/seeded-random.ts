/** Seeded source of randomness for tests (mulberry32): the same seed gives the same bytes. */
import type { RandomSource } from '../mesh-io.js';

export class SeededRandom implements RandomSource {
  /** Signed, so that it needs no object in the heap. */
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = Math.floor(this.fraction() * 256);
    return bytes;
  }
}
