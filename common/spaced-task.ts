/**
 * Asynchronous task that runs at once when it is requested, and after that not before an interval has passed since the last
 * run's beginning, nor before its end. Requests in between are one run. So the work of a burst of changes is bounded, and the
 * state that a run reads is the newest.
 */
import type { Clock } from './clock.js';

export interface SpacedTaskDeps {
  readonly clock: Clock;
  readonly intervalMs: number;
  /** Must not reject. */
  readonly run: () => Promise<unknown>;
}

export class SpacedTask {
  #isRunning = false;
  #isRequested = false;
  #notBeforeMs = -Infinity;
  #cancel: (() => void) | null = null;

  constructor(readonly deps: SpacedTaskDeps) {}

  request(): void {
    this.#isRequested = true;
    if (!this.#isRunning && this.#cancel === null) this.#schedule();
  }

  /** Forgets what was requested; a run under way goes on. */
  stop(): void {
    this.#isRequested = false;
    this.#cancel?.();
    this.#cancel = null;
  }

  #schedule(): void {
    const { clock } = this.deps;
    const waitMs = this.#notBeforeMs - clock.nowMs();
    if (waitMs <= 0) return void this.#run();
    this.#cancel = clock.after(waitMs, () => {
      this.#cancel = null;
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    const { clock, intervalMs, run } = this.deps;
    this.#isRunning = true;
    this.#isRequested = false;
    this.#notBeforeMs = clock.nowMs() + intervalMs;
    await run();
    this.#isRunning = false;
    if (this.#isRequested) this.#schedule();
  }
}
