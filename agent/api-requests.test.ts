/** Requests of a node to the API server, counted: the figures of docs/operations.md. */
import { describe, expect, it } from '@jest/globals';
import { ClusterObjects, CLUSTER_RECORD } from './policy/cluster-objects.js';
import { loadConfig } from './config/config-sources.js';
import { silentLogger } from '../common/log.js';
import { NoticeLog } from '../common/notice-log.js';
import { DurableFile } from '../common/storage/durable-file.js';
import { CrashingDisk } from '../common/testing/crashing-disk.js';
import { VirtualClock } from '../common/testing/virtual-clock.js';
import { parseNodeId } from '../common/node-id.js';
import { composeKubernetes } from '../kube/open-kubernetes.js';
import type { Kubernetes } from '../kube/index.js';
import { kubernetesRecord } from '../kube/record.js';
import { CountingApiServer } from '../kube/testing/counting-api-server.js';
import { Cluster, PolicyCompiler } from '../policy/index.js';

const HOUR_MS = 3_600_000;
const STEP_MS = 5_000;
const POLICIES = 'LIST /apis/networking.k8s.io/v1/namespaces/default/networkpolicies';
const CLUSTER_POLICIES = 'LIST /apis/policy.networking.k8s.io/v1beta1/clusternetworkpolicies';

class CountedNode {
  readonly clock = new VirtualClock();
  readonly #disk = new CrashingDisk(() => 0.5);
  readonly #notices = new NoticeLog(silentLogger(), this.clock);
  readonly #random = seeded(1);
  readonly api: CountingApiServer;
  #kubernetes: Kubernetes | null = null;
  #objects: ClusterObjects | null = null;

  constructor(nodes: number, hasClusterPolicies: boolean) {
    this.api = new CountingApiServer(this.clock, nodes, hasClusterPolicies);
  }

  /** As the agent does: settings, key, policies, readiness, and a question about the key of every other node. */
  async start(): Promise<void> {
    const { api, clock } = this;
    const disk = this.#disk;
    const notices = this.#notices;
    const random = this.#random;
    const config = loadConfig([], {}, () => null);
    const record = kubernetesRecord(disk, '/state/kubernetes.json');
    const deps = { config, nodeName: 'node-0', disk, clock, notices, api, record, known: null, random };
    const kubernetes = await composeKubernetes(deps);
    this.#kubernetes = kubernetes;
    kubernetes.publish(new Uint8Array(32));
    this.#objects = new ClusterObjects({
      compiler: new PolicyCompiler(new Cluster()),
      watch: (...asked) => kubernetes.source.watchObjects(...asked),
      record: new DurableFile(disk, '/state/policies.json', CLUSTER_RECORD),
      clock,
      notices,
      onKnown: () => undefined,
      onChanged: () => undefined,
    });
    await this.#objects.start();
    await this.pass(2 * STEP_MS);
    kubernetes.report(true, []);
    for (let i = 1; i < api.nodes; i++) {
      await kubernetes.authority.ask(parseNodeId(i.toString(16).padStart(32, '0')), `node-${i}`, new Uint8Array(32));
    }
    await this.pass(STEP_MS);
  }

  async watchKeys(): Promise<void> {
    this.#kubernetes!.authority.watch(() => undefined);
    await this.pass(STEP_MS);
  }

  async addPod(namespace: string): Promise<void> {
    await this.#objects!.refresh(namespace);
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += STEP_MS) await this.clock.advanceSettled(STEP_MS);
  }

  /** Requests by their kind, since the last call. */
  taken(): Record<string, number> {
    return this.api.take();
  }
}

const sumOf = (counts: Record<string, number>): number => Object.values(counts).reduce((sum, count) => sum + count, 0);

async function afterStart(nodes: number, hasClusterPolicies: boolean): Promise<CountedNode> {
  const node = new CountedNode(nodes, hasClusterPolicies);
  await node.start();
  node.taken();
  return node;
}

describe('requests to the API server', () => {
  it.each([
    [10, true, 16 + 9],
    [10, false, 16 + 9],
    [100, true, 16 + 99],
  ])('of a cold start among %i nodes, with cluster policies %s, are %i', async (nodes, hasPolicies, requests) => {
    const node = new CountedNode(nodes, hasPolicies);
    await node.start();
    expect(sumOf(node.taken())).toBe(requests);
  });

  it.each([
    ['with cluster policies', true, false, 42],
    ['without cluster policies, which are looked for', false, false, 49],
    ['that watches the keys of others', true, true, 50],
  ])('of an idle node %s', async (_, hasPolicies, watchesKeys, perHour) => {
    const node = await afterStart(10, hasPolicies);
    if (watchesKeys) await node.watchKeys();
    node.taken();
    await node.pass(24 * HOUR_MS);
    expect(Math.round(sumOf(node.taken()) / 24)).toBe(perHour);
  });

  it('of an ADD are one list, and one more where there are cluster policies', async () => {
    const without = await afterStart(10, false);
    await without.addPod('default');
    expect(without.taken()).toEqual({ [POLICIES]: 1 });
    const node = await afterStart(10, true);
    await node.addPod('default');
    expect(node.taken()).toEqual({ [POLICIES]: 1, [CLUSTER_POLICIES]: 1 });
  });

  it('of 30 ADDs at once in one namespace are two of each: one that runs, and one for all that came meanwhile', async () => {
    const node = await afterStart(10, true);
    await Promise.all(Array.from({ length: 30 }, () => node.addPod('default')));
    expect(node.taken()).toEqual({ [POLICIES]: 2, [CLUSTER_POLICIES]: 2 });
  });
});

/** Linear congruential (Numerical Recipes). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
}
