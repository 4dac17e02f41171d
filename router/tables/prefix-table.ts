/**
 * Longest-prefix match over IPv4 and IPv6 in typed arrays: one open-addressing hash table over (prefix length, masked
 * address), probed once for each prefix length that occurs, longest first. A cluster has one or two lengths per family,
 * so a look-up is one or two probes; with many lengths it is correct but slower.
 * Addresses are four 32-bit words as the machine loads them from network-order bytes (so a frame's address is compared
 * without swapping); IPv4 is mapped into IPv6 (`::ffff:a.b.c.d`, RFC 4291).
 * Its test compares it with a scan over all prefixes.
 */
import type { Cidr } from '../../common/address/cidr.js';
import { cidrFamily, cidrNetwork, cidrPrefix } from '../../common/address/cidr.js';
import { ipFamily, ipToBytes } from '../../common/address/ip-address.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import { assert } from '../../common/errors.js';
import { swap32 } from '../kernel/byte-order.js';

export type AddressWords = readonly [number, number, number, number];

/** The third word of an IPv4-mapped address: bytes 00 00 ff ff, loaded little-endian. */
export const MAPPED_WORD = 0xffff0000 | 0;

/** An address as four signed words in memory order, IPv4 as IPv4-mapped. */
export function addressWords(address: IpAddress): AddressWords {
  const bytes = ipToBytes(address);
  const word = (at: number) => bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  return ipFamily(address) === 4 ? [0, 0, MAPPED_WORD, word(0)] : [word(0), word(4), word(8), word(12)];
}

/** 32 bits of hash over five words (a multiply-xor mix; quality is tested by the spread of real prefixes). */
function hashWords(a: number, b: number, c: number, d: number, salt: number): number {
  let hash = Math.imul(d ^ Math.imul(c, 0x85ebca6b) ^ salt, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15) ^ b, 0xc2b2ae35);
  return Math.imul(hash ^ (hash >>> 13) ^ a, 0x27d4eb2f) >>> 0;
}

/** Mask of word `index` (0 is the most significant) for a prefix of `length` bits out of 128. */
function maskWord(length: number, index: number): number {
  const bits = Math.min(32, Math.max(0, length - index * 32));
  return bits === 0 ? 0 : swap32((0xffffffff << (32 - bits)) >>> 0) | 0;
}

function mappedLength(cidr: Cidr): number {
  return cidrPrefix(cidr) + (cidrFamily(cidr) === 4 ? 96 : 0);
}

/** The prefix lengths that occur in one family, longest first, and the four mask words of each. */
class Lengths {
  bits = new Uint8Array(0);
  masks = new Int32Array(0);

  add(length: number): void {
    if (this.bits.includes(length)) return;
    this.bits = Uint8Array.of(...this.bits, length).sort((a, b) => b - a);
    this.masks = Int32Array.from({ length: this.bits.length * 4 }, (_, i) => maskWord(this.bits[i >> 2]!, i & 3));
  }
}

/** Value of an empty slot, where a search ends. */
const ABSENT = -1;

/** Of a fixed capacity. Values are integers from 0; absent is -1. */
export class PrefixTable {
  readonly #slots: number;
  /** IPv4 prefixes are 96 bits longer here; IPv6 ones are never tried for an IPv4 address, so `::/0` stays IPv6. */
  readonly #lengths4 = new Lengths();
  readonly #lengths6 = new Lengths();
  readonly #keys: Int32Array;
  readonly #keyLengths: Uint8Array;
  readonly #values: Int32Array;
  #used = 0;

  constructor(entries: readonly { cidr: Cidr; value: number }[], capacity = entries.length) {
    this.#slots = 1 << Math.ceil(Math.log2(Math.max(8, capacity * 2)));
    this.#keys = new Int32Array(this.#slots * 4);
    this.#keyLengths = new Uint8Array(this.#slots);
    this.#values = new Int32Array(this.#slots).fill(ABSENT);
    for (const { cidr, value } of entries) this.add(cidr, value);
  }

  /** Of equal prefixes the first is found. At most as many as the capacity. */
  add(cidr: Cidr, value: number): void {
    const length = mappedLength(cidr);
    (cidrFamily(cidr) === 4 ? this.#lengths4 : this.#lengths6).add(length);
    this.#insert(addressWords(cidrNetwork(cidr)), length, value);
  }

  /** Gives a prefix another value, or adds it. */
  set(cidr: Cidr, value: number): void {
    const slot = this.#slotOf(cidr);
    if (slot < 0) this.add(cidr, value);
    else this.#values[slot] = value;
  }

  has(cidr: Cidr): boolean {
    return this.#slotOf(cidr) >= 0;
  }

  /** Of equal prefixes the first. */
  delete(cidr: Cidr): void {
    const slot = this.#slotOf(cidr);
    if (slot >= 0) this.#vacate(slot);
  }

  /** Removes all prefixes with this value. */
  remove(value: number): void {
    const values = this.#values;
    // Another entry may have come into the slot.
    for (let slot = values.indexOf(value); slot >= 0; slot = values.indexOf(value, slot)) this.#vacate(slot);
  }

  /** The value of the longest prefix that holds the address, or -1. */
  lookup(a: number, b: number, c: number, d: number): number {
    const { bits, masks } = a === 0 && b === 0 && c === MAPPED_WORD ? this.#lengths4 : this.#lengths6;
    for (let i = 0, m = 0; i < bits.length; i++, m += 4) {
      const slot = this.#find(a & masks[m]!, b & masks[m + 1]!, c & masks[m + 2]!, d & masks[m + 3]!, bits[i]!);
      if (slot >= 0) return this.#values[slot]!;
    }
    return -1;
  }

  #slotOf(cidr: Cidr): number {
    return this.#find(...addressWords(cidrNetwork(cidr)), mappedLength(cidr));
  }

  /** The slot of a prefix, or -1. */
  #find(a: number, b: number, c: number, d: number, length: number): number {
    const keys = this.#keys;
    let slot = hashWords(a, b, c, d, length) & (this.#slots - 1);
    while (this.#values[slot]! !== ABSENT) {
      const k = slot * 4;
      if (
        keys[k + 3] === d &&
        keys[k + 2] === c &&
        keys[k + 1] === b &&
        keys[k] === a &&
        this.#keyLengths[slot] === length
      ) {
        return slot;
      }
      slot = (slot + 1) & (this.#slots - 1);
    }
    return -1;
  }

  #insert(words: AddressWords, length: number, value: number): void {
    assert(this.#used < this.#slots - 1, `room for ${this.#slots - 1} prefixes`);
    this.#used++;
    let slot = hashWords(words[0], words[1], words[2], words[3], length) & (this.#slots - 1);
    while (this.#values[slot]! !== ABSENT) slot = (slot + 1) & (this.#slots - 1);
    this.#keys.set(words, slot * 4);
    this.#keyLengths[slot] = length;
    this.#values[slot] = value;
  }

  /** Empties a slot. Later entries of its run that a search would no longer reach move up (Knuth, TAOCP 3, 6.4, algorithm R). */
  #vacate(slot: number): void {
    const last = this.#slots - 1;
    let hole = slot;
    for (let next = (hole + 1) & last; this.#values[next]! !== ABSENT; next = (next + 1) & last) {
      if (((next - this.#homeOf(next)) & last) < ((next - hole) & last)) continue;
      this.#keys.copyWithin(hole * 4, next * 4, next * 4 + 4);
      this.#keyLengths[hole] = this.#keyLengths[next]!;
      this.#values[hole] = this.#values[next]!;
      hole = next;
    }
    this.#values[hole] = ABSENT;
    this.#used--;
  }

  /** Where the search for the entry of a slot begins. */
  #homeOf(slot: number): number {
    const [keys, k] = [this.#keys, slot * 4];
    const hash = hashWords(keys[k]!, keys[k + 1]!, keys[k + 2]!, keys[k + 3]!, this.#keyLengths[slot]!);
    return hash & (this.#slots - 1);
  }
}
