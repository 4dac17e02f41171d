/**
 * Child process that is restarted when it ends, and killed when its watchdog finds that it hangs.
 *
 * ```
 *   start()            ended / could not start           delay over
 *  --------> running ---------------------------> waiting ---------> running
 *               | stop(): SIGTERM, later SIGKILL     | stop()
 *               v                                    v
 *            stopping ----------- ended ---------> stopped      (exit code 78 at the start: `stopped`)
 * ```
 */
import { messageOf } from '../common/errors.js';
import { EXIT_FORBIDDEN_CALL } from '../common/launch-contract.js';
import type { PAUSE_SIGNAL, RELOAD_SIGNAL } from '../common/launch-contract.js';
import type { Logger } from '../common/log.js';
import type { Clock } from '../common/clock.js';
import { tracerOf } from '../common/host/process-state.js';
import { Watchdog } from './watchdog.js';
import { decideRestart, NEW_CHILD } from './restart-policy.js';

const KILL_AFTER_MS = 5_000;

/** A started process. `ended` resolves once, with the exit code, or null when a signal ended it. */
export interface ChildProcess {
  readonly pid: number | undefined;
  readonly ended: Promise<number | null>;
  /** Asks whether it works, by a byte of `QUESTION` in `common/host/beat-channel.ts`. */
  ask(question: number): void;
  /** Calls `listener` for every answer, a byte of `ANSWER`. */
  onAnswer(listener: (answer: number) => void): void;
  signal(name: 'SIGTERM' | 'SIGKILL' | typeof PAUSE_SIGNAL | typeof RELOAD_SIGNAL): void;
}

export interface SupervisedChildOptions {
  readonly name: string;
  /** May throw, for example when the TAP is busy; the launch is then repeated as for a child that ended. */
  readonly launch: () => ChildProcess;
  readonly clock: Clock;
  readonly log: Logger;
  /** The question for the child's watchdog to ask. */
  readonly question: () => number;
  readonly onStarted: (pid: number) => void;
  /** Called when the child exits with 78 and is not started again. */
  readonly onGiveUp: () => void;
}

export class SupervisedChild {
  #process: ChildProcess | null = null;
  #history = NEW_CHILD;
  #stopping = false;
  #watchdog: Watchdog | null = null;
  #cancelRestart: () => void = () => undefined;

  constructor(readonly options: SupervisedChildOptions) {}

  get running(): boolean {
    return this.#process !== null;
  }

  /** True when the child has told its watchdog that it has started completely. */
  get isRunning(): boolean {
    return this.#watchdog?.isRunning ?? false;
  }

  /** True when the child leaves the questions of its watchdog unanswered. */
  get isSilent(): boolean {
    return this.#watchdog?.isSilent ?? false;
  }

  start(): void {
    const startedAtMs = this.options.clock.nowMs();
    const child = this.#launch();
    this.#process = child;
    if (child === null) return this.#ended(null, startedAtMs);
    this.options.log.info({ child: this.options.name, childPid: child.pid }, 'child started');
    if (child.pid !== undefined) this.options.onStarted(child.pid);
    this.#watchdog = this.#watch(child);
    void child.ended.then((code) => this.#ended(code, startedAtMs));
  }

  /** Leaves the process running, and starts no other when it ends. */
  keep(): void {
    this.#stopping = true;
    this.#cancelRestart();
  }

  /** Resolves when no process of it runs. */
  async gone(): Promise<void> {
    await this.#process?.ended;
  }

  /** Resolves when the child has ended; after 5 s it is killed. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' | typeof PAUSE_SIGNAL = 'SIGTERM'): Promise<void> {
    this.keep();
    const child = this.#process;
    if (child === null) return;
    child.signal(signal);
    const cancelKill = this.options.clock.after(KILL_AFTER_MS, () => {
      this.options.log.warn(
        { child: this.options.name },
        `child did not stop within ${KILL_AFTER_MS / 1000} s and is killed`,
      );
      child.signal('SIGKILL');
    });
    await child.ended;
    cancelKill();
  }

  /** Makes the child read its settings again. A child that is not running reads them at its start. */
  reload(): void {
    this.#process?.signal('SIGHUP');
  }

  /** Ends the current run; the next one starts the program on disk with the present descriptors. */
  restart(signal: 'SIGTERM' | typeof PAUSE_SIGNAL): void {
    this.#process?.signal(signal);
  }

  #launch(): ChildProcess | null {
    try {
      return this.options.launch();
    } catch (thrown) {
      this.options.log.error({ child: this.options.name, error: messageOf(thrown) }, 'child could not be started');
      return null;
    }
  }

  /** SIGKILL ends a stopped process too. */
  #watch(child: ChildProcess): Watchdog {
    const { clock, log, name, question } = this.options;
    const watchdog = new Watchdog({
      clock,
      ask: () => child.ask(question()),
      isTraced: () => child.pid !== undefined && tracerOf(child.pid) !== 0,
      onHang: (silentMs) => {
        log.error({ child: name, childPid: child.pid, silentMs }, 'child hangs: it gave no answer and is killed');
        child.signal('SIGKILL');
      },
    });
    child.onAnswer((answer) => watchdog.answered(answer));
    return watchdog;
  }

  #ended(code: number | null, startedAtMs: number): void {
    const wasStarted = this.#process !== null;
    this.#process = null;
    this.#watchdog?.stop();
    this.#watchdog = null;
    if (this.#stopping) return;
    const { clock, log, name } = this.options;
    const decision = decideRestart(this.#history, { code, ranMs: clock.nowMs() - startedAtMs });
    if (decision.action === 'give-up') {
      log.fatal({ child: name, code }, 'child exited with code 78: its configuration is wrong; meshd stops');
      this.options.onGiveUp();
      return;
    }
    if (code === EXIT_FORBIDDEN_CALL) {
      log.error(
        { child: name },
        'child made a system call that its filter forbids, and was killed: it may be compromised',
      );
    }
    if (wasStarted) log.warn({ child: name, code, restartInMs: decision.delayMs }, 'child ended and is restarted');
    this.#history = decision.history;
    this.#cancelRestart = clock.after(decision.delayMs, () => this.start());
  }
}
