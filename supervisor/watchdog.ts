/**
 * Watchdog of one child: asks it every second whether it works, and reports a hang after five questions without an answer.
 * Time in which the supervisor itself did not run, and a child under a debugger, do not count. A suspended machine neither:
 * its monotonic clock stands.
 */
import { every } from '../common/clock.js';
import type { Clock } from '../common/clock.js';
import { ANSWER } from '../common/host/beat-channel.js';

const ASK_INTERVAL_MS = 1_000;
/** A healthy child answers within milliseconds; with eight busy processes on two processors no answer took longer than 1.3 s. */
const HANGS_AFTER_QUESTIONS = 5;
/**
 * The router's first answer comes when its forwarding threads are warm. An agent gives answers while it starts, and between them
 * loads programs and compiles: 5 s were seen, with fifteen busy processes on two processors.
 */
const STARTS_WITHIN_QUESTIONS = 30;
/** A timer of the supervisor that is this late says that the machine is busy or was stopped. */
const LATE_MS = 500;
const SILENT_AFTER_QUESTIONS = 2;

export interface WatchdogDeps {
  readonly clock: Clock;
  readonly ask: () => void;
  /** Whether a debugger holds the child. */
  readonly isTraced: () => boolean;
  /** Called once. */
  readonly onHang: (silentMs: number) => void;
}

export class Watchdog {
  #unanswered = 0;
  #hasStarted = false;
  #inspected = false;
  #isRunning = false;
  #askedMs: number;
  readonly stop: () => void;

  constructor(readonly deps: WatchdogDeps) {
    this.#askedMs = deps.clock.nowMs();
    this.stop = every(deps.clock, ASK_INTERVAL_MS, () => this.#tick());
  }

  /** True when the child has said that it has started completely. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** True when a child that has worked leaves questions unanswered. */
  get isSilent(): boolean {
    return this.#hasStarted && this.#unanswered >= SILENT_AFTER_QUESTIONS;
  }

  /** @param answer a byte of `ANSWER` */
  answered(answer: number): void {
    this.#unanswered = 0;
    this.#hasStarted ||= answer !== ANSWER.starting;
    this.#inspected = answer === ANSWER.inspected;
    this.#isRunning ||= answer === ANSWER.running;
  }

  #tick(): void {
    const { clock, ask, isTraced, onHang } = this.deps;
    const nowMs = clock.nowMs();
    const isLate = nowMs - this.#askedMs > ASK_INTERVAL_MS + LATE_MS;
    this.#askedMs = nowMs;
    if (isLate || this.#inspected || (this.#unanswered > 0 && isTraced())) this.#unanswered = 0;
    if (this.#unanswered >= (this.#hasStarted ? HANGS_AFTER_QUESTIONS : STARTS_WITHIN_QUESTIONS)) {
      this.stop();
      return onHang(this.#unanswered * ASK_INTERVAL_MS);
    }
    this.#unanswered++;
    ask();
  }
}
