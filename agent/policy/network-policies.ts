/** Network policies of this node: the objects of the cluster, the compiler, and the keeper of the table, joined. */
import type { EndpointRecord } from '../../cni/index.js';
import type { Clock } from '../../common/clock.js';
import type { CommandRunner } from '../../common/host/command.js';
import { policyRecordFile } from '../../common/host/run-files.js';
import type { NoticeLog } from '../../common/notice-log.js';
import type { Disk } from '../../common/storage/disk.js';
import { DurableFile } from '../../common/storage/durable-file.js';
import { Cluster, PolicyCompiler } from '../../policy/index.js';
import type { LocalPod } from '../../policy/index.js';
import { CLUSTER_RECORD, ClusterObjects } from './cluster-objects.js';
import type { WatchObjects } from './cluster-objects.js';
import { Drops } from './drops/drops.js';
import { openNflog } from './drops/drop-watch.js';
import type { PacketLog } from './drops/drop-watch.js';
import { PolicyAnswers } from './policy-answers.js';
import { PolicyKeeper } from './policy-keeper.js';

export interface NetworkPoliciesDeps {
  readonly watch: WatchObjects;
  readonly endpoints: () => readonly EndpointRecord[];
  readonly stateDir: string;
  readonly commands: CommandRunner;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly notices: NoticeLog;
  /** Of what the kernel drops. */
  readonly openDropLog?: () => PacketLog;
}

export class NetworkPolicies {
  readonly compiler = new PolicyCompiler(new Cluster());
  readonly drops: Drops;
  readonly keeper: PolicyKeeper;
  readonly answers: PolicyAnswers;
  readonly #objects: ClusterObjects;

  constructor({ watch, endpoints, stateDir, disk, openDropLog: openLog = openNflog, ...deps }: NetworkPoliciesDeps) {
    const { compiler } = this;
    const { commands, clock, notices } = deps;
    const localPods = (): readonly LocalPod[] => endpoints().map(localPodOf);
    this.drops = new Drops({ openLog, podsAt: (ip) => compiler.podsAt(ip), commands, clock, notices });
    const refresh = (namespace: string): Promise<void> => this.#objects.refresh(namespace);
    this.keeper = new PolicyKeeper({ compiler, drops: this.drops, commands, clock, notices, localPods, refresh });
    this.answers = new PolicyAnswers({
      compiler,
      localPods,
      isKnown: () => this.keeper.allIsKnown,
      elements: () => this.keeper.elements,
      drops: () => this.drops.answer(),
    });
    this.#objects = new ClusterObjects({
      ...{ compiler, watch, clock, notices },
      record: new DurableFile(disk, policyRecordFile({ stateDir }), CLUSTER_RECORD),
      onKnown: () => this.keeper.clusterIsKnown(),
      onChanged: () => this.keeper.clusterChanged(),
    });
  }

  /** What an operator should do, though policies are in force; or ''. */
  get warning(): string {
    return this.#objects.forbidden;
  }

  /** Why the policies are not in force, or null. */
  get problem(): string | null {
    return this.keeper.problem;
  }

  /** For the metrics. */
  get counters(): Readonly<Record<string, number>> {
    const { ingress, egress } = this.drops.sums;
    const { updates, compileMs, updateMs } = this.keeper.work;
    return {
      policy_ingress_drops: ingress,
      policy_egress_drops: egress,
      policy_repairs: this.keeper.repairs,
      policy_updates: updates,
      policy_compile_seconds: compileMs / 1000,
      policy_update_seconds: updateMs / 1000,
    };
  }

  /**
   * Resolves when the policies that are on disk are in force.
   * @param ofBefore what the pods that are attached already have until all is known: what is in force, or nothing
   */
  async start(ofBefore: 'asBefore' | 'denied' = 'asBefore'): Promise<void> {
    await this.keeper.start(ofBefore);
    await this.#objects.start();
    await this.keeper.applied();
  }

  admit(endpoint: EndpointRecord): Promise<() => void> {
    return this.keeper.admit(localPodOf(endpoint));
  }

  async stop(): Promise<void> {
    await this.#objects.stop();
    await this.keeper.stop();
  }
}

function localPodOf({ podNamespace, podName, podUid, ips }: EndpointRecord): LocalPod {
  const isNamed = podNamespace !== null && podName !== null;
  return { pod: isNamed ? { namespace: podNamespace, name: podName, uid: podUid ?? null } : null, ips };
}
