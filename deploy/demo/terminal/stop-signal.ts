/**
 * The wish to end, however it comes: Ctrl-C, a signal, or the end of the process that started the demo. Raised once; what
 * comes after it is ignored, so that nothing interrupts the cleaning up.
 */
import { DemoError } from '../../../common/errors.js';

export class StopSignal {
  /** Resolves when raised. */
  readonly raised: Promise<void>;
  #isRaised = false;
  #interruptsIgnored = false;

  constructor() {
    this.raised = new Promise((resolve) => {
      const raise = (): void => {
        this.#isRaised = true;
        resolve();
      };
      process.on('SIGINT', () => {
        if (!this.#interruptsIgnored) raise();
      });
      process.on('SIGTERM', raise).on('SIGHUP', raise).on('disconnect', raise);
    });
  }

  get isRaised(): boolean {
    return this.#isRaised;
  }

  /** The outcome of `work`, unless raised before: then it throws {@link DemoError} and `work` is left to itself. */
  race<T>(work: Promise<T>): Promise<T> {
    const interrupted = this.raised.then((): never => {
      throw new DemoError('interrupted');
    });
    return Promise.race([work, interrupted]);
  }

  /** Ctrl-C belongs to whatever has the terminal meanwhile. */
  async ignoreInterruptsDuring(work: Promise<void>): Promise<void> {
    this.#interruptsIgnored = true;
    await work;
    this.#interruptsIgnored = false;
  }
}
