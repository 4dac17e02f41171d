/**
 * Asynchronous task that runs soon after a request, with the requests before it in one run. After {@link BURST} runs without
 * a quiet time between them the delay doubles with each, so that a task which causes its own requests does not loop.
 */
import type { Clock } from '../../common/clock.js';

/** Until changes that belong together have happened. */
const FIRST_DELAY_MS = 300;
const BURST = 10;
const MAX_DELAY_MS = 10_000;
/** Beyond the next delay: a request later than that has the first delay again. */
const QUIET_MS = 10_000;

export class PacedTask {
  #cancel: (() => void) | null = null;
  #running: Promise<void> = Promise.resolve();
  /** Without a quiet time between them. */
  #runs = 0;
  #quietAtMs = 0;
  #stopped = false;

  /** @param task must not reject */
  constructor(
    readonly clock: Clock,
    readonly task: () => Promise<void>,
  ) {}

  request(): void {
    if (this.#cancel !== null || this.#stopped) return;
    if (this.clock.nowMs() >= this.#quietAtMs) this.#runs = 0;
    this.#cancel = this.clock.after(this.#delayMs(), () => this.#fire());
  }

  /** Resolves when no run is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#running;
  }

  #delayMs(): number {
    return Math.min(FIRST_DELAY_MS * 2 ** Math.max(0, this.#runs - BURST), MAX_DELAY_MS);
  }

  #fire(): void {
    this.#cancel = null;
    this.#runs++;
    this.#quietAtMs = this.clock.nowMs() + this.#delayMs() + QUIET_MS;
    this.#running = this.#running.then(() => this.task());
  }
}
