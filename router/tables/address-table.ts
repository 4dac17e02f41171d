/**
 * Table of the local endpoints: IP address to the MAC that frames to it must carry. Per frame it says whether a source may
 * send (outward) and where a frame goes (inward). Immutable: a change builds a new one. Addresses are four words as in
 * `prefix-table.ts`.
 */
import { macToBytes } from '../../common/address/mac-address.js';
import type { LocalEndpoint } from '../../common/router-port.js';
import { addressWords } from './prefix-table.js';

function hashAddress(a: number, b: number, c: number, d: number): number {
  const hash = Math.imul(d ^ Math.imul(c, 0x85ebca6b) ^ Math.imul(b, 0xc2b2ae35) ^ a, 0x9e3779b1);
  return (hash ^ (hash >>> 15)) >>> 0;
}

export class AddressTable {
  readonly #slots: number;
  readonly #keys: Int32Array;
  readonly #used: Uint8Array;
  readonly #macs: Uint8Array;

  constructor(endpoints: readonly LocalEndpoint[]) {
    this.#slots = 1 << Math.ceil(Math.log2(Math.max(8, endpoints.length * 2 + 1)));
    this.#keys = new Int32Array(this.#slots * 4);
    this.#used = new Uint8Array(this.#slots);
    this.#macs = new Uint8Array(this.#slots * 6);
    for (const { ip, mac } of endpoints) {
      const words = addressWords(ip);
      let slot = hashAddress(...words) & (this.#slots - 1);
      while (this.#used[slot] === 1) slot = (slot + 1) & (this.#slots - 1);
      this.#keys.set(words, slot * 4);
      this.#macs.set(macToBytes(mac), slot * 6);
      this.#used[slot] = 1;
    }
  }

  /** The slot of an address, to be used with {@link writeMac}; -1 when it is not local. */
  find(a: number, b: number, c: number, d: number): number {
    const keys = this.#keys;
    let slot = hashAddress(a, b, c, d) & (this.#slots - 1);
    while (this.#used[slot] === 1) {
      const k = slot * 4;
      if (keys[k + 3] === d && keys[k + 2] === c && keys[k + 1] === b && keys[k] === a) return slot;
      slot = (slot + 1) & (this.#slots - 1);
    }
    return -1;
  }

  /** Writes the MAC of a slot at `at`. */
  writeMac(slot: number, u8: Uint8Array, at: number): void {
    const macs = this.#macs;
    const m = slot * 6;
    u8[at] = macs[m]!;
    u8[at + 1] = macs[m + 1]!;
    u8[at + 2] = macs[m + 2]!;
    u8[at + 3] = macs[m + 3]!;
    u8[at + 4] = macs[m + 4]!;
    u8[at + 5] = macs[m + 5]!;
  }
}
