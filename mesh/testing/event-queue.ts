/**
 * Queue of functions to run at a time. Those of the same time run in the order of insertion.
 *
 * ```
 *   push -> far (a heap) -> slots of 1 ms, SPAN_MS of them -> now (a heap) -> popUntil
 * ```
 * Of thousands of nodes hundreds of thousands of functions wait. Only those of the current millisecond are in order, so that a
 * function costs the same whatever waits behind it.
 */
import { PriorityQueue } from '../../common/priority-queue.js';
import type { Timed } from '../../common/priority-queue.js';

type Run = () => void;

/** A power of two, for the mask. Most functions are to run within that time. */
const SPAN_MS = 4096;

export class EventQueue {
  /** What was in the slot of the millisecond `#nowMs`, in order; all before `#next` has run. */
  #sorted: Timed<Run>[] = [];
  #next = 0;
  /** What was added since, to run before the end of that millisecond. */
  readonly #now = new PriorityQueue<Run>();
  /** What is to run in the milliseconds after it, in the order of insertion, by the low bits of the millisecond. */
  readonly #slots = Array.from({ length: SPAN_MS }, (): Timed<Run>[] => []);
  readonly #far = new PriorityQueue<Run>();
  #inSlots = 0;
  #nowMs = 0;

  push(atMs: number, run: Run): void {
    if (atMs < this.#nowMs + 1) this.#now.push(atMs, run);
    else if (atMs < this.#nowMs + SPAN_MS) this.#putInSlot({ atMs, item: run });
    else this.#far.push(atMs, run);
  }

  /** Takes the first item if it is due by then. */
  popUntil(endMs: number): Timed<Run> | null {
    for (;;) {
      const sorted = this.#sorted[this.#next];
      const added = this.#now.first;
      if (sorted === undefined && added === null) {
        if (!this.#advance(endMs)) return null;
      } else if (sorted === undefined || (added !== null && added.atMs < sorted.atMs)) {
        return this.#now.popUntil(endMs);
      } else {
        if (sorted.atMs > endMs) return null;
        this.#next++;
        return sorted;
      }
    }
  }

  /** To the next millisecond, or to the next one with an item when all slots are empty; false when nothing is due by then. */
  #advance(endMs: number): boolean {
    const next = this.#inSlots > 0 ? this.#nowMs + 1 : Math.floor(this.#far.first?.atMs ?? Infinity);
    if (next > endMs || next === Infinity) return false;
    this.#nowMs = next;
    for (let far = this.#popFar(); far !== null; far = this.#popFar()) {
      if (far.atMs < next + 1) this.#now.push(far.atMs, far.item);
      else this.#putInSlot(far);
    }
    const slot = this.#slotOf(next);
    this.#slots[next & (SPAN_MS - 1)] = [];
    this.#inSlots -= slot.length;
    // Stable: those of the same time stay in the order of insertion.
    this.#sorted = slot.sort((a, b) => a.atMs - b.atMs);
    this.#next = 0;
    return true;
  }

  /** Before others are put into the slot that has come within the span, since it was inserted before them. */
  #popFar(): Timed<Run> | null {
    const { first } = this.#far;
    return first !== null && first.atMs < this.#nowMs + SPAN_MS ? this.#far.popUntil(first.atMs) : null;
  }

  #putInSlot(timed: Timed<Run>): void {
    this.#slotOf(timed.atMs).push(timed);
    this.#inSlots++;
  }

  #slotOf(atMs: number): Timed<Run>[] {
    return this.#slots[Math.floor(atMs) & (SPAN_MS - 1)]!;
  }
}
