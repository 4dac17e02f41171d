/** One operation per attachment at a time; different attachments go on in parallel, up to a limit. */
import { CniError, CNI_CODES } from '../cni-error.js';

/** Calls that hold or wait for a lock. A kubelet starts pods ten at a time; this only stops a runaway caller. */
const MAX_CALLS = 1024;

export class AttachmentLocks {
  /** The last call per attachment. Bounded by MAX_CALLS. */
  readonly #tails = new Map<string, Promise<unknown>>();
  #calls = 0;

  /** Whether someone holds or waits for the lock of this attachment. */
  isHeld(key: string): boolean {
    return this.#tails.has(key);
  }

  /** Settles as `work` does, after all work that came before it under the same key. Rejects with CniError 11 when full. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    if (this.#calls >= MAX_CALLS) {
      throw new CniError(CNI_CODES.tryAgainLater, 'try again later', `${MAX_CALLS} CNI calls are in progress`);
    }
    this.#calls++;
    const result = (this.#tails.get(key) ?? Promise.resolve()).then(work);
    const tail = result.catch(() => undefined);
    this.#tails.set(key, tail);
    try {
      return await result;
    } finally {
      this.#calls--;
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}
