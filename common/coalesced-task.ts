/**
 * Asynchronous task whose runs never overlap. A request during a run means exactly one more run after it, however many
 * requests there are: each caller gets a run that began after the call.
 */
export class CoalescedTask {
  #running: Promise<void> | null = null;
  /** The run that is to come; all its callers share one promise. */
  #next: NextRun | null = null;

  /** @param task must not reject */
  constructor(readonly task: () => Promise<void>) {}

  /** Resolves when a run that began after this call is over. */
  run(): Promise<void> {
    const { over } = (this.#next ??= nextRun());
    this.#running ??= this.#runWhileRequested();
    return over;
  }

  /** Resolves when no run is under way. */
  idle(): Promise<void> {
    return this.#running ?? Promise.resolve();
  }

  get isIdle(): boolean {
    return this.#running === null;
  }

  async #runWhileRequested(): Promise<void> {
    while (this.#next !== null) {
      const { end } = this.#next;
      this.#next = null;
      await this.task();
      end();
    }
    this.#running = null;
  }
}

interface NextRun {
  readonly over: Promise<void>;
  readonly end: () => void;
}

function nextRun(): NextRun {
  let end: () => void = () => undefined;
  const over = new Promise<void>((resolve) => (end = resolve));
  return { over, end };
}
