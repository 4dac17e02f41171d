/** Runs asynchronous work strictly one after the other, in the order of arrival. */
import { HeddleError } from './errors.js';

export class SerialQueue {
  #tail: Promise<unknown> = Promise.resolve();
  #pending = 0;

  /** @param maxPending bounds the work that waits; what arrives beyond it is refused with LIMIT_REACHED */
  constructor(
    readonly name: string,
    readonly maxPending: number,
  ) {}

  /** How much work waits or runs. */
  get pending(): number {
    return this.#pending;
  }

  /** Settles as `work` does; work that fails does not stop what comes after it. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#pending >= this.maxPending) {
      throw new HeddleError(
        'LIMIT_REACHED',
        `${this.name}: ${this.#pending} operations are waiting, the limit is reached`,
      );
    }
    this.#pending++;
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => undefined);
    try {
      return await result;
    } finally {
      this.#pending--;
    }
  }
}
