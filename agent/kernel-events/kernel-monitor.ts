/**
 * Monitor of the kernel's events about this network namespace and those of pods: a program that prints a line for each. It is
 * started again some time after it ended; what is missed meanwhile is found by the periodic looks.
 */
import type { Clock } from '../../common/clock.js';

const RESTART_MS = 10_000;

/** The end of the program is reported once; `stop` ends it. */
export type OpenMonitor = (onLine: (line: string) => void, onEnd: () => void) => { stop(): void };

export interface KernelMonitorDeps {
  readonly open: OpenMonitor;
  readonly clock: Clock;
  readonly onLine: (line: string) => void;
}

export class KernelMonitor {
  #stopProgram: () => void = () => undefined;
  #cancel: () => void = () => undefined;
  #stopped = false;

  constructor(readonly deps: KernelMonitorDeps) {}

  start(): void {
    const { open, clock, onLine } = this.deps;
    const program = open(onLine, () => {
      if (!this.#stopped) this.#cancel = clock.after(RESTART_MS, () => this.start());
    });
    this.#stopProgram = () => program.stop();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
    this.#stopProgram();
  }
}
