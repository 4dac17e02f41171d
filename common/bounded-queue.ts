/**
 * Queue of asynchronous operations of which a bounded number run at the same time; the others wait and begin in order of
 * arrival. The number of those that wait is bounded by the caller, who asks {@link BoundedQueue.waiting} first.
 */
export class BoundedQueue {
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(readonly maxRunning: number) {}

  /** Operations that have not begun. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Settles as `work` does. A failed operation does not stop the next one. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.maxRunning) this.#running++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
