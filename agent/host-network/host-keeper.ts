/**
 * Schedule of the host-network reconciler: it runs at start, every ten seconds, and on request. Repairs are logged once,
 * a problem once for as long as it lasts.
 */
import type { CommandRunner } from '../../common/host/command.js';
import { every } from '../../common/clock.js';
import { CoalescedTask } from '../../common/coalesced-task.js';
import type { Clock } from '../../common/clock.js';
import type { NoticeLog } from '../../common/notice-log.js';
import { reconcileHostNetwork } from './host-network.js';
import type { HostProblem } from './host-network.js';
import type { HostNetworkSpec } from './host-plan.js';
import { PodDrops } from './pod-drops.js';
import { strictFilterAdvice } from './reverse-path.js';
import type { SettingsRecord } from './settings-record.js';

const INTERVAL_MS = 10_000;

export interface HostKeeperDeps {
  readonly commands: CommandRunner;
  readonly settings: SettingsRecord;
  /** What is wanted now; asked at every run. */
  readonly spec: () => HostNetworkSpec;
  readonly clock: Clock;
  readonly notices: NoticeLog;
  /** After every run that changed something on the host: routes of pods may have gone with it. */
  readonly onRepair: () => void;
  /** After every run that changed what {@link HostKeeper.problems} says. */
  readonly onChange: () => void;
}

export class HostKeeper {
  /** null until the first run is over. */
  #problems: readonly HostProblem[] | null = null;
  readonly #reconciling = new CoalescedTask(() => this.#run());
  #repairs = 0;
  #fullTables: readonly string[] = [];
  #kernelDrops: Readonly<Record<string, number>> | null = null;
  readonly #podDrops = new PodDrops();
  #reversePath = '';
  #stopTimer: () => void = () => undefined;

  constructor(readonly deps: HostKeeperDeps) {}

  /** What is not in order, or null while nobody has looked yet. */
  get problems(): readonly HostProblem[] | null {
    return this.#problems;
  }

  /** How many things were mended since the start. */
  get repairs(): number {
    return this.#repairs;
  }

  /** Sentences about tables of the kernel that are nearly full, as of the last run. */
  get fullTables(): readonly string[] {
    return this.#fullTables;
  }

  /** Frames that the kernel dropped, by reason, as of the last run. */
  get kernelDrops(): Readonly<Record<string, number>> {
    return { ...this.#kernelDrops, ...this.#podDrops.total };
  }

  /** What to do about packets that the reverse path filter dropped between the last two runs; '' when it dropped none. */
  get reversePath(): string {
    return this.#reversePath;
  }

  /** Resolves after the first run. */
  async start(): Promise<void> {
    this.#stopTimer = every(this.deps.clock, INTERVAL_MS, () => void this.reconcile());
    await this.reconcile();
  }

  stop(): Promise<void> {
    this.#stopTimer();
    return this.#reconciling.idle();
  }

  /** Resolves when a run that began after this call is over. */
  reconcile(): Promise<void> {
    return this.#reconciling.run();
  }

  async #run(): Promise<void> {
    const { commands, spec, settings, notices } = this.deps;
    const outcome = await reconcileHostNetwork(commands, spec(), settings);
    const { repairs, problems, fullTables, kernelDrops, podDrops } = outcome;
    this.#repairs += repairs.length;
    this.#reversePath = this.#droppedMore(kernelDrops) ? await strictFilterAdvice(commands) : '';
    this.#kernelDrops = kernelDrops;
    this.#podDrops.note(podDrops);
    this.#fullTables = fullTables;
    if (repairs.length > 0) {
      notices.write('info', 'host network mended', { repairs }, repairs.join());
      this.deps.onRepair();
    }
    this.#report(problems);
  }

  /** By the reverse path filter, since the run before. */
  #droppedMore({ reversePathFilter = 0 }: Readonly<Record<string, number>>): boolean {
    return this.#kernelDrops !== null && reversePathFilter > (this.#kernelDrops['reversePathFilter'] ?? 0);
  }

  #report(problems: readonly HostProblem[]): void {
    const before = this.#problems;
    this.#problems = problems;
    const { notices, onChange } = this.deps;
    for (const { part, message } of problems) {
      notices.write('error', 'host network is not in order', { part, message }, `host ${part}`);
    }
    for (const { part } of before ?? []) {
      if (!problems.some((problem) => problem.part === part)) notices.clear(`host ${part}`);
    }
    if (before === null || JSON.stringify(before) !== JSON.stringify(problems)) onChange();
  }
}
