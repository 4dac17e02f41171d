/**
 * Heddle cluster on one machine: an underlay, nodes that run `meshd`, pods attached through the CNI executable. Used by the
 * demo, the tests and the benchmark. {@link Cluster.close} removes everything it made, at any time.
 */
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DemoError, messageOf } from '../../../common/errors.js';
import { mapBounded } from '../async/map-bounded.js';
import { ContainerRuntime } from './container-runtime.js';
import type { CniCommand, CniResult } from './container-runtime.js';
import { DemoNode } from './demo-node.js';
import { HostFootprint } from '../machine/host-footprint.js';
import { NetworkNamespace, listNamespaces, removeNamespace } from '../machine/network-namespace.js';
import { linkAddress, planCluster, planNode } from './plan.js';
import type { ClusterPlan, Families, NodePlan, PodPlan } from './plan.js';
import { RunDirectory } from '../machine/run-directory.js';
import { writeRunningDemo } from './running-demo.js';
import { Underlay } from './underlay.js';

export interface ClusterOptions {
  readonly nodes: number;
  readonly podsPerNode: number;
  readonly families?: Families;
  /** Folder of the built programs. */
  readonly distDir: string;
  /** More flags for every `meshd`. */
  readonly extraArgs?: readonly string[];
  /** Underlay address of every node; empty for all. Default: the one that its links use. */
  readonly listenAddress?: string;
  /** Whether the nodes install CNI executable and configuration, for container runtimes; not by default. */
  readonly installsCni?: boolean;
}

/** Wrapper that reports progress: a label, the work, and whether its result is a success. */
export type Step = <T>(label: string, work: () => Promise<T>, isGood?: (result: T) => boolean) => Promise<T>;

export interface Pod {
  readonly name: string;
  readonly node: DemoNode;
  readonly namespace: NetworkNamespace;
  /** Addresses without prefix length, as the CNI result gave them. */
  readonly ips: readonly string[];
  readonly result: CniResult;
}

const SECRET_BYTES = 32;
/** Nodes that start, or have a pod attached, at the same time: all at once would share the processors until each times out. */
const AT_ONCE = 4;
/** Up to so many nodes find each other's MAC addresses: each pair takes an entry at both ends, in both families, of 1024. */
const MOST_RESOLVED = 20;
/** Up to so many others, every node links to all of them (NEIGHBOURS in mesh/limits.ts). */
const MOST_LINKED_TO_ALL = 16;
/** Number of nodes that are seeds of the others. */
const SEED_COUNT = 2;

export class Cluster {
  readonly plan: ClusterPlan;
  readonly nodes: DemoNode[] = [];
  readonly pods: Pod[] = [];
  #run: RunDirectory | null = null;
  #underlay: Underlay | null = null;
  #footprint: HostFootprint | null = null;
  /** Namespaces being made; bounded by the size of the plan. */
  readonly #creating = new Set<Promise<NetworkNamespace>>();
  #closing: Promise<string[]> | null = null;

  constructor(
    readonly options: ClusterOptions,
    readonly step: Step = (_label, work) => work(),
  ) {
    this.plan = planCluster(options.nodes, options.podsPerNode, options.families);
  }

  get underlay(): Underlay {
    if (this.#underlay === null) throw new DemoError('the cluster is not open');
    return this.#underlay;
  }

  /** Starts everything and waits until all nodes are linked and all pods attached. Call close() also when it throws. */
  async open(): Promise<void> {
    await this.step('underlay network', () => this.#createUnderlay());
    await this.step(`${count(this.plan.nodes.length, 'node')} ready`, async () => {
      for (const plan of this.plan.nodes) await this.addNode(plan);
      if (this.nodes.length > MOST_RESOLVED) await this.underlay.fixNeighbours();
      await mapBounded(this.nodes, AT_ONCE, async (node) => {
        node.start();
        await node.waitReady();
      });
    });
    const links = this.#isLinkedToAll
      ? 'encrypted links between all nodes'
      : 'all nodes known to all, and their links up';
    await this.step(links, () => this.waitLinks());
    await this.step(`${count(this.plan.pods.length, 'pod')} attached through CNI`, () => this.attachAll());
  }

  /** Describes the cluster for other terminals ({@link findRunningDemo}). */
  publish(): void {
    const nodes = this.nodes.map(({ name, namespace, apiSocket, configFile, plan }) => ({
      ...{ name, namespace: namespace.name, apiSocket, configFile },
      underlayV4: plan.underlayV4,
    }));
    const pods = this.pods.map(({ name, node, namespace }) => ({ name, node: node.name, namespace: namespace.name }));
    writeRunningDemo(this.#runPath, this.options.distDir, { underlay: this.underlay.namespace.name, nodes, pods });
  }

  /** Waits until every node has a link to every other; in a large cluster, until it knows them and has the links it wants. */
  async waitLinks(timeoutMs?: number): Promise<void> {
    const others = (node: DemoNode): string[] => this.nodes.filter((n) => n !== node).map((n) => n.name);
    await Promise.all(
      this.nodes.map((node) =>
        this.#isLinkedToAll ? node.waitLinks(others(node), timeoutMs) : node.waitKnown(others(node), timeoutMs),
      ),
    );
  }

  /** Makes a node without starting it. @param secret as hex, in place of the cluster's */
  async addNode(
    plan: NodePlan = planNode(this.nodes.length + 1, this.plan.families),
    secret?: string,
  ): Promise<DemoNode> {
    const namespace = await this.#createNamespace(plan.name);
    await this.underlay.attachNode(namespace, plan.name, plan.underlayV4, plan.underlayV6);
    const node = new DemoNode(plan, namespace, {
      distDir: this.options.distDir,
      folder: join(this.#runPath, plan.name),
      clusterCidrs: this.plan.clusterCidrs,
      listenAddress: this.options.listenAddress ?? linkAddress(plan, this.plan.families),
      seeds: this.#seedsOf(plan),
      secretFile: secret === undefined ? this.#secretFile : this.#writeSecret(`secret-${plan.name}`, secret),
      extraArgs: this.options.extraArgs ?? [],
      installsCni: this.options.installsCni ?? false,
    });
    this.nodes.push(node);
    return node;
  }

  async attachAll(): Promise<void> {
    await mapBounded(this.plan.nodes, AT_ONCE, (node) => this.#attachPodsOf(node));
    this.pods.sort(
      (a, b) => this.plan.pods.findIndex((p) => p.name === a.name) - this.plan.pods.findIndex((p) => p.name === b.name),
    );
  }

  /** Makes the pod's namespace and attaches it. */
  async attach(plan: PodPlan): Promise<Pod> {
    const node = this.nodes.find((n) => n.plan.index === plan.nodeIndex);
    if (node === undefined)
      throw new DemoError(`pod ${plan.name} is planned for node ${plan.nodeIndex}, which does not exist`);
    const namespace = await this.#createNamespace(plan.name);
    const result = await this.cni('ADD', { name: plan.name, node, namespace });
    if (result === null) throw new DemoError(`ADD of ${plan.name} gave no result`);
    const ips = (result.ips ?? []).map((ip) => ip.address.replace(/\/\d+$/, ''));
    const pod = { name: plan.name, node, namespace, ips, result };
    this.pods.push(pod);
    return pod;
  }

  /** Makes the DEL call and removes the pod's namespace. */
  async detach(pod: Pod): Promise<void> {
    await this.cni('DEL', pod);
    await removeNamespace(pod.namespace.name);
    this.pods.splice(this.pods.indexOf(pod), 1);
  }

  /** A CNI call for a pod, as the container runtime of its node makes it. */
  cni(
    command: CniCommand,
    pod: Pick<Pod, 'name' | 'node' | 'namespace'> & { readonly result?: CniResult },
  ): Promise<CniResult | null> {
    const runtime = new ContainerRuntime(this.options.distDir, pod.node.cniSocket, pod.node.deferredDeleteDir);
    const containerId = createHash('sha256').update(pod.namespace.name).digest('hex');
    const prevResult = pod.result === undefined ? {} : { prevResult: pod.result };
    return runtime.call(command, { containerId, netns: pod.namespace.path, podName: pod.name, ...prevResult });
  }

  pod(name: string): Pod {
    const found = this.pods.find((pod) => pod.name === name);
    if (found === undefined)
      throw new DemoError(`pod ${name} does not exist (expected ${this.pods.map((p) => p.name).join(', ')})`);
    return found;
  }

  /**
   * Ends every process and removes every namespace and file. Does not throw; may be called at any time, repeatedly.
   * @returns descriptions of what could not be removed
   */
  close(): Promise<string[]> {
    this.#closing ??= this.#tearDown();
    return this.#closing;
  }

  async #createUnderlay(): Promise<void> {
    this.#footprint = await HostFootprint.take();
    this.#run = await RunDirectory.create();
    this.#writeSecret('cluster-secret', randomBytes(SECRET_BYTES).toString('hex'));
    this.#underlay = await Underlay.create((name) => this.#createNamespace(name), this.plan.families);
  }

  async #createNamespace(name: string): Promise<NetworkNamespace> {
    if (this.#run === null || this.#closing !== null) throw new DemoError('the cluster is not open');
    const creating = NetworkNamespace.create(`${this.#run.prefix}${name}`);
    this.#creating.add(creating);
    return creating.finally(() => this.#creating.delete(creating));
  }

  get #isLinkedToAll(): boolean {
    return this.nodes.length <= MOST_LINKED_TO_ALL + 1;
  }

  get #runPath(): string {
    if (this.#run === null) throw new DemoError('the cluster is not open');
    return this.#run.path;
  }

  get #secretFile(): string {
    return join(this.#runPath, 'cluster-secret');
  }

  #writeSecret(name: string, secret: string): string {
    const path = join(this.#runPath, name);
    writeFileSync(path, `${secret}\n`, { mode: 0o600 });
    return path;
  }

  #seedsOf(plan: NodePlan): string[] {
    const seeds = this.plan.nodes.slice(0, SEED_COUNT).filter((node) => node.index !== plan.index);
    return seeds.map((node) => linkAddress(node, this.plan.families));
  }

  /** One after the other, as a kubelet on a small node. */
  async #attachPodsOf(node: NodePlan): Promise<void> {
    for (const pod of this.plan.pods.filter((p) => p.nodeIndex === node.index)) await this.attach(pod);
  }

  async #tearDown(): Promise<string[]> {
    const problems: string[] = [];
    const attempt = async (work: () => Promise<void>): Promise<void> => {
      await work().catch((thrown: unknown) => problems.push(messageOf(thrown)));
    };
    const prefix = this.#run?.prefix;
    if (prefix === undefined) return problems;
    await Promise.allSettled(this.#creating);
    await Promise.all(this.nodes.map((node) => attempt(() => node.stop())));
    const ours = listNamespaces().filter((name) => name.startsWith(prefix));
    await Promise.all(ours.map((name) => attempt(() => removeNamespace(name))));
    this.#run?.remove();
    const leftovers = (await this.#footprint?.leftovers(prefix)) ?? [];
    return [...problems, ...leftovers];
  }
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
