/**
 * Deadlines, each held by its owner. Moving one to a later time costs nothing: its entry in the queue stays where it is, and is put
 * right when it comes up. Links move theirs with everything they hear.
 */
import { PriorityQueue } from '../common/priority-queue.js';

export class Deadline<Owner> {
  readonly owner: Owner;
  /** Infinity: there is none. Written by {@link Deadlines} alone, as the next. */
  dueMs = Infinity;
  /** Time of the entry in the queue that stands for it; its other entries are void. */
  queuedMs = Infinity;

  constructor(owner: Owner) {
    this.owner = owner;
  }
}

/** The earlier of two times, null when there is none. Null and Infinity stand for none. Asked with every event: it makes no list. */
export function earlier(aMs: number | null, bMs: number | null): number | null {
  const atMs = Math.min(aMs ?? Infinity, bMs ?? Infinity);
  return atMs === Infinity ? null : atMs;
}

export class Deadlines<Owner> {
  /** UNBOUNDED: as many as owners; void entries go when they come up. */
  readonly #queue = new PriorityQueue<Deadline<Owner>>();

  /** Infinity: there is none any more. */
  set(deadline: Deadline<Owner>, dueMs: number): void {
    deadline.dueMs = dueMs;
    if (dueMs >= deadline.queuedMs) return;
    deadline.queuedMs = dueMs;
    this.#queue.push(dueMs, deadline);
  }

  /** The owner is gone. */
  delete(deadline: Deadline<Owner>): void {
    deadline.dueMs = deadline.queuedMs = Infinity;
  }

  /** The earliest deadline, or null. */
  nextMs(): number | null {
    this.#settle();
    return this.#queue.first?.atMs ?? null;
  }

  /** Takes the owners that are due at `nowMs`, the earliest first: they have no deadline until they get one. */
  takeDue(nowMs: number): Owner[] {
    const due: Owner[] = [];
    for (this.#settle(); (this.#queue.first?.atMs ?? Infinity) <= nowMs; this.#settle()) {
      const { item } = this.#queue.popUntil(nowMs)!;
      this.delete(item);
      due.push(item.owner);
    }
    return due;
  }

  /** Removes void entries from the front of the queue, and moves those whose deadline was moved. */
  #settle(): void {
    for (let { first } = this.#queue; first !== null; { first } = this.#queue) {
      const { atMs, item: deadline } = first;
      const isVoid = deadline.queuedMs !== atMs;
      if (!isVoid && deadline.dueMs === atMs) return;
      if (!isVoid) deadline.queuedMs = deadline.dueMs;
      if (isVoid || deadline.dueMs === Infinity) this.#queue.popUntil(atMs);
      else this.#queue.postponeFirst(deadline.dueMs);
    }
  }
}
