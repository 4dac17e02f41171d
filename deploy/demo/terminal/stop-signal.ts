/**
 * Stop signal of the demo: Ctrl-C, SIGTERM, SIGHUP, or the end of the process that started it. Raised once; later signals are
 * ignored, so that they do not interrupt the clean-up.
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

  /** Outcome of `work`. Throws {@link DemoError} when raised before its end; `work` then continues without effect. */
  race<T>(work: Promise<T>): Promise<T> {
    const interrupted = this.raised.then((): never => {
      throw new DemoError('interrupted');
    });
    return Promise.race([work, interrupted]);
  }

  /** Leaves Ctrl-C to the program on the terminal during `work`. */
  async ignoreInterruptsDuring(work: Promise<void>): Promise<void> {
    this.#interruptsIgnored = true;
    await work;
    this.#interruptsIgnored = false;
  }
}
