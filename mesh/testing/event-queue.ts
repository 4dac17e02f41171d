/** Queue of functions to run at a time. Those of the same time run in the order of insertion. */
import { PriorityQueue } from '../../common/priority-queue.js';

export class EventQueue {
  readonly #queue = new PriorityQueue<() => void>();

  push(atMs: number, run: () => void): void {
    this.#queue.push(atMs, run);
  }

  /** Takes the first item if it is due by then. */
  popUntil(endMs: number): { readonly atMs: number; readonly run: () => void } | null {
    const due = this.#queue.popUntil(endMs);
    return due && { atMs: due.atMs, run: due.item };
  }
}
