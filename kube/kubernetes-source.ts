/**
 * Source of settings from Kubernetes: pod CIDRs of this node's own Node object, which is watched; cluster CIDRs and seeds,
 * which are asked for now and then, the CIDRs of a node that comes meanwhile with the question about it. The last answers are
 * kept on disk and used until there are new ones. A Node that was deleted keeps its CIDRs here until another one of its name has
 * others: its pods still run.
 */
import { cidrIncludes, parseCidr } from '../common/address/cidr.js';
import type { Cidr } from '../common/address/cidr.js';
import type { Clock } from '../common/clock.js';
import { CoalescedTask } from '../common/coalesced-task.js';
import { messageOf } from '../common/errors.js';
import type { NoticeLog } from '../common/notice-log.js';
import type { DurableFile } from '../common/storage/durable-file.js';
import type { ApiServer } from './api-server.js';
import { BackOff } from './back-off.js';
import { MAX_CLUSTER_CIDRS, readClusterFacts } from './cluster-facts.js';
import { mergedCidrs } from './merged-cidrs.js';
import type { NodeObject } from './node-object.js';
import { NodeWatch } from './node-watch.js';
import type { KubernetesRecord } from './record.js';
import { ResourceWatch } from './resource-watch.js';
import type { ResourceWatchDeps } from './resource-watch.js';

/** Between two questions about the whole cluster: from here to twice as long, at random. */
const CLUSTER_INTERVAL_MS = 30 * 60_000;
/** After a change of the own node: others that are made at the same time have theirs by then. */
const SOON_MS = 3_000;

export interface KubernetesSourceDeps {
  readonly api: ApiServer;
  /** What {@link record} held at the start, or null. */
  readonly known: KubernetesRecord | null;
  readonly nodeName: string;
  readonly record: DurableFile<KubernetesRecord>;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly notices: NoticeLog;
  /** The own Node as it is now, or null when there is none. */
  readonly onNode: (node: NodeObject | null) => void;
}

export interface SuppliedByKubernetes {
  readonly values: Partial<Record<'podCidrs' | 'clusterCidrs' | 'seeds', string[]>>;
  /** What is still missing, in words, or null. */
  readonly waitingFor: string | null;
}

export class KubernetesSource {
  readonly name: string;
  readonly #watch: NodeWatch;
  readonly #backOff: BackOff;
  readonly #listeners = new Set<() => void>();
  readonly #saving = new CoalescedTask(() => this.#save());
  #known: KubernetesRecord;
  /** Null until the API server was asked. */
  #node: NodeObject | 'none' | null = null;
  #problem: string | null = null;
  /** Pod CIDRs of nodes that came since the last answer about the cluster; at most MAX_CLUSTER_CIDRS. */
  #others: readonly Cidr[] = [];
  readonly #asking = new CoalescedTask(() => this.#askCluster());
  /** Of the next question about the cluster; null while there is none. */
  #cancelNext: (() => void) | null = null;
  #stopped = false;

  constructor(readonly deps: KubernetesSourceDeps) {
    const { api, known, nodeName, clock, random } = deps;
    this.name = `Node ${nodeName}`;
    this.#backOff = new BackOff(random);
    const isOwn = known?.nodeName === nodeName;
    this.#known = isOwn ? known : { nodeName, server: api.name, podCidrs: [], clusterCidrs: [], seeds: [] };
    this.#watch = new NodeWatch({
      api,
      nodeName,
      clock,
      random,
      onNode: (node) => this.#nodeChanged(node),
      onProblem: (problem) => this.#problemChanged(problem),
    });
  }

  /** The API server is asked from now on. */
  start(): void {
    this.#watch.start();
    void this.#asking.run();
  }

  current(): SuppliedByKubernetes {
    const { podCidrs, seeds } = this.#known;
    const values = Object.entries({ podCidrs, clusterCidrs: this.#clusterCidrs(), seeds }).filter(
      ([, value]) => value.length > 0,
    );
    return { values: Object.fromEntries(values), waitingFor: this.#waitingFor() };
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Watches the objects under a path, or under others where the server does not have it. Problems are logged. */
  watchObjects(
    path: string,
    handlers: Pick<ResourceWatchDeps, 'onList' | 'onPut' | 'onDelete' | 'onForbidden' | 'form'>,
    otherPaths?: readonly string[],
  ): Pick<ResourceWatch, 'listIn' | 'stop'> {
    const { api, clock, random, notices } = this.deps;
    const onProblem = (problem: string | null): void => {
      if (problem === null) notices.clear(path);
      else notices.write('warn', 'objects of the Kubernetes API server cannot be read', { path, problem }, path);
    };
    const watch = new ResourceWatch({
      ...{ api, path, clock, random, onProblem, ...handlers },
      ...(otherPaths === undefined ? {} : { otherPaths }),
    });
    watch.start();
    return watch;
  }

  /** Nodes of the cluster have these, which the ranges known so far may not hold. */
  nodesHave(podCidrs: readonly Cidr[]): void {
    const ranges = this.#clusterCidrs().map(parseCidr);
    const isNew = (cidr: Cidr): boolean => !ranges.some((range) => cidrIncludes(range, cidr));
    const found = podCidrs.filter(isNew);
    if (found.length === 0) return;
    this.#others = mergedCidrs([...this.#others, ...found], MAX_CLUSTER_CIDRS);
    this.#changed();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelNext?.();
    await this.#watch.stop();
    await this.#saving.idle();
  }

  /** The own CIDRs are part of the cluster also before the next answer says so. */
  #clusterCidrs(): string[] {
    const { podCidrs, clusterCidrs } = this.#known;
    if (clusterCidrs.length === 0) return [];
    return mergedCidrs([...[...clusterCidrs, ...podCidrs].map(parseCidr), ...this.#others], MAX_CLUSTER_CIDRS);
  }

  #waitingFor(): string | null {
    if (this.#known.podCidrs.length > 0) return null;
    if (this.#problem !== null) return `${this.name} of the Kubernetes API server: ${this.#problem}`;
    if (this.#node === null) return `an answer of the Kubernetes API server ${this.deps.api.name}`;
    if (this.#node === 'none') return `${this.name}, which the Kubernetes API server does not have`;
    return `${this.name} to get podCIDRs (kube-controller-manager --allocate-node-cidrs)`;
  }

  #nodeChanged(node: NodeObject | null): void {
    const { log } = this.deps.notices;
    if (node === null && this.#node !== 'none') log.warn({ node: this.deps.nodeName }, 'the Node object is gone');
    const isOther = this.#node !== null && this.#node !== 'none' && node !== null && node.uid !== this.#node.uid;
    if (isOther) log.warn({ node: node.name, uid: node.uid }, 'the Node object was deleted and made anew');
    this.#node = node ?? 'none';
    this.deps.onNode(node);
    if (node === null || node.podCidrs.length === 0) return this.#changed();
    const isKnown = node.podCidrs.join() === this.#known.podCidrs.join();
    this.#learn({ podCidrs: [...node.podCidrs] });
    // Ranges that are what the nodes own have grown by these.
    if (!isKnown) this.#askAfter(SOON_MS * (1 + this.deps.random()));
  }

  #problemChanged(problem: string | null): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    const { notices } = this.deps;
    if (problem === null) notices.log.info({ server: this.deps.api.name }, 'the Kubernetes API server answers');
    else notices.write('warn', 'the Kubernetes API server does not answer', { problem }, 'kubernetes');
    this.#changed();
  }

  #askAfter(ms: number): void {
    this.#cancelNext?.();
    this.#cancelNext = this.deps.clock.after(ms, () => {
      this.#cancelNext = null;
      void this.#asking.run();
    });
  }

  async #askCluster(): Promise<void> {
    const { api, nodeName, random, notices } = this.deps;
    let pauseMs = CLUSTER_INTERVAL_MS * (1 + random());
    try {
      const facts = await readClusterFacts({ api, ownName: nodeName, seeds: this.#known.seeds, random });
      this.#backOff.reset();
      this.#learn({ clusterCidrs: [...facts.podCidrs], seeds: [...facts.seeds] });
    } catch (thrown) {
      pauseMs = this.#backOff.next();
      notices.write('warn', 'the nodes of the cluster cannot be read', { problem: messageOf(thrown) }, 'cluster');
    }
    // A question that was wanted soon meanwhile stays.
    if (!this.#stopped && this.#cancelNext === null) this.#askAfter(pauseMs);
  }

  #learn(news: Partial<KubernetesRecord>): void {
    const known = { ...this.#known, server: this.deps.api.name, ...news };
    if (JSON.stringify(known) !== JSON.stringify(this.#known)) {
      this.#known = known;
      void this.#saving.run();
    }
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  /** A node works without it, until it starts while the API server is away. */
  async #save(): Promise<void> {
    try {
      await this.deps.record.write(this.#known);
    } catch (thrown) {
      this.deps.notices.write('warn', 'what Kubernetes said is not on disk', { error: messageOf(thrown) });
    }
  }
}
