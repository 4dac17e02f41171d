/**
 * Queue of functions to run at a time. Those of the same time run in the order of insertion.
 *
 * ```
 *   push -> far (a heap) -> slots of 1 ms, SPAN_MS of them -> now (a heap) -> popUntil
 * ```
 * Of thousands of nodes hundreds of thousands of events wait. Only those of the current millisecond are in order, so that an
 * event costs the same whatever waits behind it.
 */
import { PriorityQueue } from '../../common/priority-queue.js';

/** What happens at a time. One object, since hundreds of thousands of them wait. */
export interface SimEvent {
  readonly atMs: number;
  occur(): void;
}

/** A power of two, for the mask. Most events are to occur within that time. */
const SPAN_MS = 4096;

export class EventQueue {
  /** What was in the slot of the millisecond `#nowMs`, in order; all before `#next` has occurred. */
  #sorted: SimEvent[] = [];
  #next = 0;
  /** What was added since, to occur before the end of that millisecond. */
  readonly #now = new PriorityQueue<SimEvent>();
  /** What is to occur in the milliseconds after it, in the order of insertion, by the low bits of the millisecond. */
  readonly #slots = Array.from({ length: SPAN_MS }, (): SimEvent[] => []);
  readonly #far = new PriorityQueue<SimEvent>();
  #inSlots = 0;
  #nowMs = 0;

  push(event: SimEvent): void {
    const { atMs } = event;
    if (atMs < this.#nowMs + 1) this.#now.push(atMs, event);
    else if (atMs < this.#nowMs + SPAN_MS) this.#putInSlot(event);
    else this.#far.push(atMs, event);
  }

  /** Takes the first event if it is due by then. */
  popUntil(endMs: number): SimEvent | null {
    for (;;) {
      const sorted = this.#sorted[this.#next];
      const added = this.#now.first;
      if (sorted === undefined && added === null) {
        if (!this.#advance(endMs)) return null;
      } else if (sorted === undefined || (added !== null && added.atMs < sorted.atMs)) {
        return this.#now.popUntil(endMs)?.item ?? null;
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
      if (far.atMs < next + 1) this.#now.push(far.atMs, far);
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
  #popFar(): SimEvent | null {
    const { first } = this.#far;
    return first !== null && first.atMs < this.#nowMs + SPAN_MS ? this.#far.popUntil(first.atMs)!.item : null;
  }

  #putInSlot(event: SimEvent): void {
    this.#slotOf(event.atMs).push(event);
    this.#inSlots++;
  }

  #slotOf(atMs: number): SimEvent[] {
    return this.#slots[Math.floor(atMs) & (SPAN_MS - 1)]!;
  }
}
