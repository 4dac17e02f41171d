/**
 * Set of IP addresses: those that frames from the inside may come from. Built once, then only read; a change builds a new one.
 * Addresses are four words as in `prefix-table.ts`.
 */
import type { IpAddress } from '../../common/address/ip-address.js';
import { addressWords } from './prefix-table.js';

function hashAddress(a: number, b: number, c: number, d: number): number {
  const hash = Math.imul(d ^ Math.imul(c, 0x85ebca6b) ^ Math.imul(b, 0xc2b2ae35) ^ a, 0x9e3779b1);
  return (hash ^ (hash >>> 15)) >>> 0;
}

export class AddressSet {
  readonly #slots: number;
  readonly #keys: Int32Array;
  readonly #used: Uint8Array;

  constructor(addresses: readonly IpAddress[]) {
    this.#slots = 1 << Math.ceil(Math.log2(Math.max(8, addresses.length * 2 + 1)));
    this.#keys = new Int32Array(this.#slots * 4);
    this.#used = new Uint8Array(this.#slots);
    for (const address of addresses) {
      const words = addressWords(address);
      let slot = hashAddress(...words) & (this.#slots - 1);
      while (this.#used[slot] === 1) slot = (slot + 1) & (this.#slots - 1);
      this.#keys.set(words, slot * 4);
      this.#used[slot] = 1;
    }
  }

  has(a: number, b: number, c: number, d: number): boolean {
    const keys = this.#keys;
    let slot = hashAddress(a, b, c, d) & (this.#slots - 1);
    while (this.#used[slot] === 1) {
      const k = slot * 4;
      if (keys[k + 3] === d && keys[k + 2] === c && keys[k + 1] === b && keys[k] === a) return true;
      slot = (slot + 1) & (this.#slots - 1);
    }
    return false;
  }
}
