/** Priority queue by time, a binary heap. Items of the same time leave in the order of insertion. */

export interface Timed<Item> {
  readonly atMs: number;
  readonly item: Item;
}

interface Entry<Item> extends Timed<Item> {
  readonly order: number;
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
    heap.push({ atMs, order: this.#order++, item });
    for (let i = heap.length - 1; i > 0;) {
      const parent = (i - 1) >> 1;
      if (!isBefore(heap[i]!, heap[parent]!)) return;
      this.#swap(i, parent);
      i = parent;
    }
  }

  /** Takes the first item if it is due by then. */
  popUntil(endMs: number): Timed<Item> | null {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.atMs > endMs) return null;
    const last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      this.#sink();
    }
    return first;
  }

  #sink(): void {
    const heap = this.#heap;
    for (let i = 0; ;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < heap.length && isBefore(heap[child]!, heap[least]!)) least = child;
      }
      if (least === i) return;
      this.#swap(i, least);
      i = least;
    }
  }

  #swap(a: number, b: number): void {
    [this.#heap[a], this.#heap[b]] = [this.#heap[b]!, this.#heap[a]!];
  }
}

function isBefore<Item>(a: Entry<Item>, b: Entry<Item>): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
