/**
 * Deadlines, one for each key. Moving one to a later time costs nothing: its entry in the queue stays where it is, and is put
 * right when it comes up. Links move theirs with everything they hear.
 */
import { PriorityQueue } from '../common/priority-queue.js';

interface Deadline {
  dueMs: number;
  /** Time of the entry in the queue that stands for it; other entries of the key are void. */
  queuedMs: number;
}

export class Deadlines<Key> {
  readonly #queue = new PriorityQueue<Key>();
  /** Bounded by the owner's bound of keys. */
  readonly #byKey = new Map<Key, Deadline>();

  /** Replaces the deadline of the key. Infinity: it has none. */
  set(key: Key, dueMs: number): void {
    const deadline = this.#byKey.get(key);
    if (deadline === undefined) {
      if (dueMs !== Infinity) this.#enter(key, { dueMs, queuedMs: dueMs });
      return;
    }
    deadline.dueMs = dueMs;
    if (dueMs >= deadline.queuedMs) return;
    deadline.queuedMs = dueMs;
    this.#queue.push(dueMs, key);
  }

  /** Keys that have a deadline, or had one when their entry in the queue was last looked at. */
  get size(): number {
    return this.#byKey.size;
  }

  delete(key: Key): void {
    this.#byKey.delete(key);
  }

  /** The earliest deadline, or null. */
  nextMs(): number | null {
    this.#settle();
    return this.#queue.first?.atMs ?? null;
  }

  /** Takes the keys that are due at `nowMs`, the earliest first: they have no deadline until they get one. */
  takeDue(nowMs: number): Key[] {
    const due: Key[] = [];
    for (this.#settle(); (this.#queue.first?.atMs ?? Infinity) <= nowMs; this.#settle()) {
      const { item } = this.#queue.popUntil(nowMs)!;
      this.#byKey.delete(item);
      due.push(item);
    }
    return due;
  }

  /** Removes void entries from the front of the queue, and moves those whose deadline was moved. */
  #settle(): void {
    for (let { first } = this.#queue; first !== null; { first } = this.#queue) {
      const deadline = this.#byKey.get(first.item);
      const isVoid = deadline === undefined || deadline.queuedMs !== first.atMs;
      if (!isVoid && deadline.dueMs === first.atMs) return;
      this.#queue.popUntil(first.atMs);
      if (isVoid) continue;
      deadline.queuedMs = deadline.dueMs;
      if (deadline.dueMs === Infinity) this.#byKey.delete(first.item);
      else this.#queue.push(deadline.dueMs, first.item);
    }
  }

  #enter(key: Key, deadline: Deadline): void {
    this.#byKey.set(key, deadline);
    this.#queue.push(deadline.dueMs, key);
  }
}
