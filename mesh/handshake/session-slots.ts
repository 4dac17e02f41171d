/**
 * Allocator of session indices: 32 bits, of which the low 16 are the slot in the router's table (1 to MAX_SESSION_SLOT) and
 * the high 16 are random. Slots are taken in turn and only after their release, so a late datagram of a removed session
 * seldom hits a new one.
 */
import { sessionSlot } from '../../common/wire/datagram-header.js';
import { MAX_SESSION_SLOT } from '../limits.js';
import type { RandomSource } from '../mesh-io.js';

export class SessionSlots {
  readonly #random: RandomSource;
  readonly #used = new Uint8Array(MAX_SESSION_SLOT + 1);
  #last = 0;
  #count = 0;

  constructor(random: RandomSource) {
    this.#random = random;
  }

  get count(): number {
    return this.#count;
  }

  /** A session index with a free slot, or null when all slots are taken. */
  allocate(): number | null {
    if (this.#count >= MAX_SESSION_SLOT) return null;
    let slot = this.#last;
    do slot = (slot % MAX_SESSION_SLOT) + 1;
    while (this.#used[slot] === 1);
    this.#take(slot);
    this.#last = slot;
    const [high, low] = this.#random.bytes(2);
    return (high! * 0x1000000 + low! * 0x10000 + slot) >>> 0;
  }

  /** Marks the slot of a session that the router already holds; false when it is out of range or taken. */
  reserve(index: number): boolean {
    const slot = sessionSlot(index);
    if (slot < 1 || slot > MAX_SESSION_SLOT || this.#used[slot] === 1) return false;
    this.#take(slot);
    return true;
  }

  /** Only after the session in it is no longer installed. */
  release(index: number): void {
    const slot = sessionSlot(index);
    if (this.#used[slot] !== 1) return;
    this.#used[slot] = 0;
    this.#count--;
  }

  #take(slot: number): void {
    this.#used[slot] = 1;
    this.#count++;
  }
}
