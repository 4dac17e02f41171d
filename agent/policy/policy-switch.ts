/**
 * Switch of network policies, which follows the setting `networkPolicies` while the node runs. Off: no watch, no table and no
 * record on disk. On again: everything of the pods is denied until the API server has told of all policies, since an older table
 * is in force only at the start of the agent.
 */
import type { EndpointRecord } from '../../cni/index.js';
import { CoalescedTask } from '../../common/coalesced-task.js';
import { messageOf } from '../../common/errors.js';
import { policyRecordFile } from '../../common/host/run-files.js';
import type { Status } from '../../common/api.js';
import { removalCommands } from '../../policy/index.js';
import type { HostProblem } from '../host-network/host-network.js';
import { NetworkPolicies } from './network-policies.js';
import type { NetworkPoliciesDeps } from './network-policies.js';
import type { PolicyAnswers } from './policy-answers.js';
import type { WatchObjects } from './cluster-objects.js';

const RETRY_MS = 2_000;

export interface PolicySwitchDeps extends Omit<NetworkPoliciesDeps, 'watch'> {
  /** Null where there is no Kubernetes, and so no network policy. */
  readonly watchObjects: WatchObjects | null;
  /** The setting. */
  readonly isWanted: () => boolean;
  readonly onSwitched: () => void;
}

export class PolicySwitch {
  readonly #switching = new CoalescedTask(() => this.#switch());
  #policies: NetworkPolicies | null = null;
  #isFirst = true;
  /** Why the setting is not in force, or null. */
  #problem: string | null = null;
  #cancelRetry: () => void = () => undefined;

  constructor(readonly deps: PolicySwitchDeps) {}

  get state(): NonNullable<Status['networkPolicies']> {
    if (this.deps.watchObjects === null) return 'none';
    if (this.#policies === null) return 'off';
    return this.#policies.answers.isKnown ? 'kept' : 'waiting';
  }

  get answers(): PolicyAnswers | null {
    return this.#policies?.answers ?? null;
  }

  get counters(): Readonly<Record<string, number>> {
    return this.#policies?.counters ?? {};
  }

  /** What an operator should do, or ''. */
  get warning(): string {
    return this.#policies?.warning ?? '';
  }

  withProblems(ofHost: readonly HostProblem[] | null): readonly HostProblem[] | null {
    const problem = this.#problem ?? this.#policies?.problem ?? null;
    return ofHost === null || problem === null ? ofHost : [...ofHost, { part: 'network policies', message: problem }];
  }

  /** Resolves when the policies that are on disk are in force, or the table is gone. */
  start(): Promise<void> {
    return this.#switching.run();
  }

  /** Resolves when the setting is in force. */
  async settingsChanged(): Promise<void> {
    if (!this.#isFirst) await this.#switching.run();
  }

  /** Resolves when the verdict of a pod without an interface yet is in force, to the function that ends it. */
  async admit(endpoint: EndpointRecord): Promise<() => void> {
    return (await this.#policies?.admit(endpoint)) ?? (() => undefined);
  }

  async podsChanged(): Promise<void> {
    await this.#policies?.keeper.podsChanged();
  }

  async compare(): Promise<void> {
    await this.#policies?.keeper.compare();
  }

  async stop(): Promise<void> {
    this.#cancelRetry();
    await this.#switching.idle();
    await this.#policies?.stop();
  }

  async #switch(): Promise<void> {
    const { watchObjects: watch, isWanted, onSwitched, clock, notices } = this.deps;
    if (watch === null) return;
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    this.#cancelRetry();
    try {
      if (!isWanted()) await this.#switchOff();
      else if (this.#policies === null) await this.#switchOn(watch, isFirst);
      this.#problem = null;
    } catch (thrown) {
      this.#problem = messageOf(thrown);
      notices.write('error', 'the setting networkPolicies is not in force', { error: this.#problem }, 'policy switch');
      this.#cancelRetry = clock.after(RETRY_MS, () => void this.#switching.run());
    }
    onSwitched();
  }

  async #switchOn(watch: WatchObjects, isFirst: boolean): Promise<void> {
    // From now on ADD waits for the verdict of its pod.
    this.#policies = new NetworkPolicies({ ...this.deps, watch });
    await this.#policies.start(isFirst ? 'asBefore' : 'denied');
  }

  /** An old record would open pods when policies are switched on again. */
  async #switchOff(): Promise<void> {
    const { commands, disk, stateDir } = this.deps;
    const policies = this.#policies;
    this.#policies = null;
    await policies?.stop();
    await disk.remove(policyRecordFile({ stateDir }));
    await commands.run('nft', ['-j', '-f', '-'], removalCommands());
  }
}
