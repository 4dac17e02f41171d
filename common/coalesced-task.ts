/**
 * Asynchronous task whose runs never overlap. A request during a run means exactly one more run after it, however many
 * requests there are: each caller gets a run that began after the call.
 */
export class CoalescedTask {
  #running: Promise<void> | null = null;
  #again = false;

  /** @param task must not reject */
  constructor(readonly task: () => Promise<void>) {}

  /** Resolves when a run that began after this call is over. */
  run(): Promise<void> {
    this.#again = true;
    this.#running ??= this.#runWhileRequested();
    return this.#running;
  }

  /** Resolves when no run is under way. */
  idle(): Promise<void> {
    return this.#running ?? Promise.resolve();
  }

  async #runWhileRequested(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      await this.task();
    }
    this.#running = null;
  }
}
