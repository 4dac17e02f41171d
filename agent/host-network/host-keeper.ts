/**
 * Runs the host-network reconciler: at start, periodically, and when told. Runs never overlap; being told during a run
 * means one more run after it. Logs what was mended once, and a problem once for as long as it lasts.
 */
import type { CommandRunner } from '../../common/host/command.js';
import { every } from '../../common/clock.js';
import type { Clock } from '../../common/clock.js';
import type { NoticeLog } from '../../common/notice-log.js';
import { reconcileHostNetwork } from './host-network.js';
import type { HostProblem } from './host-network.js';
import type { HostNetworkSpec } from './host-plan.js';

const INTERVAL_MS = 10_000;

export interface HostKeeperOptions {
  readonly commands: CommandRunner;
  readonly spec: HostNetworkSpec;
  readonly clock: Clock;
  readonly notices: NoticeLog;
  /** After every run that changed what {@link HostKeeper.problems} says. */
  readonly onChange: () => void;
}

export class HostKeeper {
  /** null until the first run is over. */
  #problems: readonly HostProblem[] | null = null;
  #running: Promise<void> | null = null;
  #again = false;
  #repairs = 0;
  #stopTimer: () => void = () => undefined;

  constructor(readonly options: HostKeeperOptions) {}

  /** What is not in order, or null while nobody has looked yet. */
  get problems(): readonly HostProblem[] | null {
    return this.#problems;
  }

  /** How many things were mended since the start. */
  get repairs(): number {
    return this.#repairs;
  }

  /** Resolves after the first run. */
  async start(): Promise<void> {
    this.#stopTimer = every(this.options.clock, INTERVAL_MS, () => void this.reconcile());
    await this.reconcile();
  }

  stop(): Promise<void> {
    this.#stopTimer();
    return this.#running ?? Promise.resolve();
  }

  /** Resolves when a run that began after this call is over. */
  reconcile(): Promise<void> {
    this.#again = true;
    this.#running ??= this.#runWhileAsked();
    return this.#running;
  }

  async #runWhileAsked(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      const { repairs, problems } = await reconcileHostNetwork(this.options.commands, this.options.spec);
      this.#repairs += repairs.length;
      if (repairs.length > 0) this.options.notices.write('info', 'host network mended', { repairs }, repairs.join());
      this.#report(problems);
    }
    this.#running = null;
  }

  #report(problems: readonly HostProblem[]): void {
    const before = this.#problems;
    this.#problems = problems;
    const { notices, onChange } = this.options;
    for (const { part, message } of problems) {
      notices.write('error', 'host network is not in order', { part, message }, `host ${part}`);
    }
    for (const { part } of before ?? []) {
      if (!problems.some((problem) => problem.part === part)) notices.clear(`host ${part}`);
    }
    if (before === null || JSON.stringify(before) !== JSON.stringify(problems)) onChange();
  }
}
