/**
 * Stand-by of the router: a process that has loaded the program and warmed it up, and waits to forward in place of a router that
 * ends. Loading takes 0.4 to 1 s, in which all traffic would be lost (ADR 0025).
 *
 * ```
 *          prepare, 5 s later        answers
 *   none ---------------------> loading -----> waiting ----- take ----> a router
 *    ^                             |              |
 *    +---------- ended, discard ---+--------------+
 * ```
 */
import { every } from '../common/clock.js';
import type { Clock } from '../common/clock.js';
import { messageOf } from '../common/errors.js';
import { QUESTION } from '../common/host/beat-channel.js';
import type { Logger } from '../common/log.js';
import type { ChildProcess } from './supervised-child.js';

/** By then the router and the agent have loaded. */
const START_AFTER_MS = 5_000;
/** After one that ended by itself. */
const START_AGAIN_AFTER_MS = 60_000;
const ASK_INTERVAL_MS = 1_000;
/** One that leaves so many questions unanswered is not taken. */
const MAX_UNANSWERED = 2;

export interface StandByOptions {
  /** May throw, for example when descriptors cannot be opened. */
  readonly launch: () => ChildProcess;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onStarted: (pid: number) => void;
}

export class StandBy {
  #child: ChildProcess | null = null;
  #hasAnswered = false;
  #unanswered = 0;
  #cancel: () => void = () => undefined;

  constructor(readonly options: StandByOptions) {}

  /** Whether there is one that is loaded and answers. */
  get isReady(): boolean {
    return this.#child !== null && this.#hasAnswered && this.#unanswered < MAX_UNANSWERED;
  }

  /** Starts one a while later, unless there is one. */
  prepare(afterMs = START_AFTER_MS): void {
    if (this.#child !== null) return;
    this.#cancel();
    this.#cancel = this.options.clock.after(afterMs, () => this.#start());
  }

  /** Makes the process forward and gives it away. Null when there is none that is loaded and answers. */
  take(): ChildProcess | null {
    const child = this.#child;
    if (child === null || !this.isReady) {
      this.discard();
      return null;
    }
    this.#release();
    child.ask(QUESTION.forward);
    return child;
  }

  /** Ends the process, which has nothing to finish. */
  discard(): void {
    this.#child?.signal('SIGKILL');
    this.#release();
  }

  #start(): void {
    const { clock, log, launch, onStarted } = this.options;
    let child: ChildProcess;
    try {
      child = launch();
    } catch (thrown) {
      log.warn({ error: messageOf(thrown) }, 'stand-by of the router could not be started');
      return this.prepare(START_AGAIN_AFTER_MS);
    }
    this.#child = child;
    if (child.pid !== undefined) onStarted(child.pid);
    child.onAnswer(() => {
      this.#hasAnswered = true;
      this.#unanswered = 0;
    });
    this.#cancel = every(clock, ASK_INTERVAL_MS, () => {
      this.#unanswered++;
      child.ask(QUESTION.plain);
    });
    void child.ended.then(() => this.#ended(child));
  }

  #ended(child: ChildProcess): void {
    if (child !== this.#child) return;
    this.options.log.warn({ childPid: child.pid }, 'stand-by of the router ended');
    this.#release();
    this.prepare(START_AGAIN_AFTER_MS);
  }

  #release(): void {
    this.#cancel();
    this.#child = null;
    this.#hasAnswered = false;
    this.#unanswered = 0;
  }
}
