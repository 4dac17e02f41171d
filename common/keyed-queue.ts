/**
 * Queue of asynchronous operations by key: operations of one key run one after the other in order of arrival, operations of
 * different keys run at the same time. The number of operations is bounded over all keys.
 */
import { HeddleError } from './errors.js';

export class KeyedQueue {
  /** End of the last operation of each busy key. Bounded by `maxPending`. */
  readonly #tails = new Map<string, Promise<unknown>>();
  #pending = 0;

  /** @param name of the queue, for the error message */
  constructor(
    readonly name: string,
    readonly maxPending: number,
  ) {}

  /** Operations that run or wait, of all keys. */
  get pending(): number {
    return this.#pending;
  }

  /** Whether an operation of this key runs or waits. */
  isBusy(key: string): boolean {
    return this.#tails.has(key);
  }

  /** Resolves when the operations that run or wait now have ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#tails.values());
  }

  /** Settles as `work` does. A failed operation does not stop the next one. Rejects with LIMIT_REACHED when full. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    if (this.#pending >= this.maxPending) {
      throw new HeddleError('LIMIT_REACHED', `${this.name}: ${this.#pending} operations pending, no more are taken`);
    }
    this.#pending++;
    const result = (this.#tails.get(key) ?? Promise.resolve()).then(work);
    const tail = result.catch(() => undefined);
    this.#tails.set(key, tail);
    try {
      return await result;
    } finally {
      this.#pending--;
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}
