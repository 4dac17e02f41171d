/**
 * Rolling upgrade from the previous release under traffic, and back: nodes are handed over one after the other, as the
 * DaemonSet does it, and work with each other in between. Needs root and a build.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readdirSync, writeFileSync } from 'node:fs';
import { HEDDLE_VERSION } from '../../common/version.js';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import { Cluster } from '../../deploy/demo/cluster/cluster.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { signal, waitUntilGone } from '../../deploy/demo/machine/processes.js';
import { ping } from '../../deploy/demo/traffic/ping.js';
import { nodeObject } from '../../kube/testing/node-objects.js';
import { ApiServerProcess } from './api-server-process.js';
import { DIST_DIR, expectAllReachable, onlyProcess, restarted } from './cluster-fixture.js';
import { startStream } from './pod-stream.js';
import { unpackPrevious } from './previous-release.js';
import { gapAround } from './traffic-gap.js';

const TEST_TIMEOUT_MS = 120_000;
/** On a busy machine; the figures are printed. */
const LOST_MS = 5_000;
const API_SERVER = '192.168.99.1';
const API_PORT = 8001;

const previous = await unpackPrevious();

describe(`two nodes of version ${previous.version}, in traffic`, () => {
  const cluster = new Cluster({ nodes: 2, podsPerNode: 2, distDir: previous.distDir });
  let stream: Awaited<ReturnType<typeof startStream>>;
  let ids: readonly string[];

  beforeAll(async () => {
    await cluster.open();
    ids = await identities(cluster);
    const [from, to] = pair(cluster);
    stream = await startStream(from, to);
    expect(await stream.echo()).toBe('echo');
  }, TEST_TIMEOUT_MS);
  afterAll(async () => {
    stream.close();
    expect(await cluster.close()).toEqual([]);
  }, 20_000);

  const steps = [
    { node: 0, name: 'the first node', to: HEDDLE_VERSION, distDir: DIST_DIR, mixed: true },
    { node: 1, name: 'the second node', to: HEDDLE_VERSION, distDir: DIST_DIR, mixed: false },
    { node: 0, name: 'the first node, back,', to: previous.version, distDir: previous.distDir, mixed: true },
    { node: 0, name: 'the first node, again,', to: HEDDLE_VERSION, distDir: DIST_DIR, mixed: false },
  ];
  it.each(steps)(
    'keep the connection while $name gets version $to, and work with each other',
    async ({ node: index, name, to, distDir, mixed }) => {
      const node = cluster.nodes[index]!;
      const gap = await gapAround(...pair(cluster), () => handOver(node, distDir));
      process.stderr.write(
        `${name} ${to}: ${gap.lost} pings lost at 100 a second, gap ${gap.lengthMs.toFixed(0)} ms\n`,
      );
      expect(gap.lengthMs).toBeLessThan(LOST_MS);
      expect(await stream.echo()).toBe('echo');
      expect((await node.api.status()).version).toBe(to);
      expect(await identities(cluster)).toEqual(ids);
      expect(unreadableFiles(node)).toEqual([]);
      await expectAllReachable(cluster);
      if (!mixed) return;
      // Handshakes: each version begins one with the other.
      for (const restartedNode of cluster.nodes) {
        const router = onlyProcess(restartedNode, 'router');
        signal(router, 'SIGKILL');
        await restarted(restartedNode, 'router', router);
        await cluster.waitLinks();
        await expectAllReachable(cluster);
      }
      expect(await stream.echo()).toBe('echo');
    },
    TEST_TIMEOUT_MS,
  );

  it('keep the addresses of pods that the previous version gave, and give others', async () => {
    const [first] = cluster.nodes;
    const known = new Set(cluster.pods.flatMap(({ ips }) => ips));
    expect((await first!.api.endpoints()).length).toBe(2);
    const pod = await cluster.attach({ ...cluster.plan.pods[0]!, name: 'pod-later' });
    expect(pod.ips.filter((ip) => known.has(ip))).toEqual([]);
    await expectAllReachable(cluster);
    for (const old of [...cluster.pods]) await cluster.detach(old);
    expect(await first!.api.endpoints()).toEqual([]);
  });
});

describe(`two nodes of version ${previous.version} that follow their Node objects`, () => {
  const cluster = new Cluster({
    nodes: 2,
    podsPerNode: 0,
    families: 'ipv4',
    distDir: previous.distDir,
    extraArgs: ['--kubernetes', '--kubernetes-api', `http://${API_SERVER}:${API_PORT}`],
  });
  const server = new ApiServerProcess(API_SERVER, API_PORT);
  const cidrOf = (node: DemoNode): string => `10.33.${node.plan.index}.0/24`;

  beforeAll(async () => {
    await cluster.open();
    server.start(cluster.nodes[0]!.namespace);
    for (const node of cluster.nodes) {
      server.put(nodeObject(node.name, { podCIDRs: [cidrOf(node)] }, [node.plan.underlayV4], { uid: node.name }));
      const settings = `nodeName: ${node.name}\nclusterSecretFile: ${node.settings.secretFile}\n`;
      writeFileSync(node.configFile, settings, { mode: 0o600 });
      node.reload();
    }
    for (const node of cluster.nodes) {
      await waitUntil(`${node.name} serves the CIDR of its Node`, 60_000, () => serves(node, cidrOf(node)));
      server.putPod('demo', `pod-${node.name}`, {}, {});
    }
    for (const node of cluster.nodes) {
      await cluster.attach({ name: `pod-${node.name}`, nodeIndex: node.plan.index });
    }
    await expectPodsReachable(cluster);
  }, TEST_TIMEOUT_MS);
  afterAll(async () => {
    server.kill();
    expect(await cluster.close()).toEqual([]);
  }, 20_000);

  it(
    'are upgraded while the API server is away, by what the previous version kept on disk',
    async () => {
      server.kill();
      for (const node of cluster.nodes) {
        await handOver(node, DIST_DIR);
        expect((await node.api.status()).version).toBe(HEDDLE_VERSION);
        expect(await serves(node, cidrOf(node))).toBe(true);
        expect(unreadableFiles(node)).toEqual([]);
        await expectPodsReachable(cluster);
      }
    },
    TEST_TIMEOUT_MS,
  );
});

/** In both directions; the gateways are not those of the plan. */
async function expectPodsReachable({ pods }: Cluster): Promise<void> {
  for (const from of pods)
    for (const to of pods)
      await waitUntil(
        `${from.name} reaches ${to.name}`,
        20_000,
        async () => (await ping(from.namespace, to.ips[0]!)).ok,
      );
}

async function serves(node: DemoNode, cidr: string): Promise<boolean> {
  const { ready, addresses } = await node.api.status();
  return ready && addresses.some((range) => range.cidr === cidr);
}

/** One pod of each node. */
function pair(cluster: Cluster) {
  const [from, to] = cluster.nodes.map((node) => cluster.pods.find((pod) => pod.node === node)!);
  return [from!, to!] as const;
}

/** The next `meshd` beside the former one, which is stopped when that is ready. */
async function handOver(node: DemoNode, distDir: string): Promise<void> {
  const former = onlyProcess(node, 'supervisor');
  const router = onlyProcess(node, 'router');
  node.start(['--take-over'], distDir);
  await restarted(node, 'router', router);
  signal(former, 'SIGTERM');
  await waitUntilGone([former], 10_000);
  await waitUntil(`${node.name} ready`, 20_000, async () => (await node.api.status()).ready);
}

/** Ids of the nodes as they are in their keys on disk. */
function identities(cluster: Cluster): Promise<string[]> {
  return Promise.all(cluster.nodes.map(async (node) => (await node.api.status()).id));
}

/** Copies of state files that a version could not read. */
function unreadableFiles(node: DemoNode): string[] {
  const names = readdirSync(node.stateDir, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.includes('.corrupt-'));
}
