/** Priority queue by time, a binary heap. Items of the same time leave in the order of insertion. */

export interface Timed<Item> {
  readonly atMs: number;
  readonly item: Item;
}

interface Entry<Item> extends Timed<Item> {
  atMs: number;
  order: number;
}

export class PriorityQueue<Item> {
  readonly #heap: Entry<Item>[] = [];
  #order = 0;

  /** The first item, or null. */
  get first(): Timed<Item> | null {
    return this.#heap[0] ?? null;
  }

  push(atMs: number, item: Item): void {
    const heap = this.#heap;
    const entry = { atMs, order: this.#order++, item };
    heap.push(entry);
    let i = heap.length - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(entry, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = entry;
  }

  /** Takes the first item if it is due by then. */
  popUntil(endMs: number): Timed<Item> | null {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.atMs > endMs) return null;
    const last = heap.pop()!;
    if (heap.length > 0) this.#sink(last);
    return first;
  }

  /** Moves the first item to a later time, as if it were taken and pushed again. */
  postponeFirst(atMs: number): void {
    const first = this.#heap[0]!;
    first.atMs = atMs;
    first.order = this.#order++;
    this.#sink(first);
  }

  /** From the top, whose entry is none or this one. */
  #sink(entry: Entry<Item>): void {
    const heap = this.#heap;
    let i = 0;
    for (let child = 1; child < heap.length; child = 2 * i + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, entry)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = entry;
  }
}

function isBefore<Item>(a: Entry<Item>, b: Entry<Item>): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
