import { describe, expect, it } from '@jest/globals';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { Cluster, Pod } from '../../deploy/demo/cluster/cluster.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { planNode } from '../../deploy/demo/cluster/plan.js';
import { ping } from '../../deploy/demo/traffic/ping.js';
import { PodTraffic } from '../../deploy/demo/traffic/pod-traffic.js';
import type { TransferOutcome } from '../../deploy/demo/traffic/pod-traffic.js';
import { meshctl, onlyProcess, restarted, useCluster } from './cluster-fixture.js';
import { signal } from '../../deploy/demo/machine/processes.js';

const TEST_TIMEOUT_MS = 120_000;
const FOLLOWS_WITHIN_MS = 30_000;
const START_WITHIN_MS = 30_000;
const STREAM_BYTES = 16 * 1024 * 1024;

const condition = async (node: DemoNode, name: string) =>
  (await node.api.status()).conditions.find((found) => found.name === name);

function waitCondition(node: DemoNode, name: string, ok: boolean): Promise<string> {
  return waitUntil(`condition ${name} ${ok ? 'met' : 'unmet'} on ${node.name}`, FOLLOWS_WITHIN_MS, async () => {
    const found = await condition(node, name);
    return found?.ok === ok && (found.message === '' ? 'met' : found.message);
  });
}

/** Pod CIDRs of `owner` as `node` routes to them. */
async function waitRoutes(node: DemoNode, owner: DemoNode, cidrs: readonly string[]): Promise<void> {
  const wanted = [...cidrs].sort().join();
  await waitUntil(`routes of ${node.name} to ${owner.name}: ${wanted}`, FOLLOWS_WITHIN_MS, async () => {
    const peer = (await node.api.peers()).find(({ name }) => name === owner.name);
    return [...(peer?.podCidrs ?? [])].sort().join() === wanted;
  });
}

async function expectReachable(from: Pod, to: Pod): Promise<void> {
  for (const ip of to.ips) {
    await waitUntil(`${from.name} reaches ${to.name} at ${ip}`, FOLLOWS_WITHIN_MS, async () => {
      return (await ping(from.namespace, ip)).ok;
    });
  }
}

/** Transfers one after the other, as fast as they go, until `finish`. */
function startStream(cluster: Cluster, from: Pod, to: Pod): { finish: () => Promise<readonly TransferOutcome[]> } {
  const traffic = new PodTraffic(cluster.options.distDir);
  const ends = { from: from.namespace, to: to.namespace, address: to.ips[0]! };
  let isOver = false;
  const run = async () => {
    const outcomes: TransferOutcome[] = [];
    do outcomes.push(await traffic.transfer({ ...ends, bytes: STREAM_BYTES, bytesPerSecond: 0 }));
    while (!isOver);
    return outcomes;
  };
  const running = run();
  return { finish: () => ((isOver = true), running) };
}

describe('settings that change while a node runs', () => {
  const cluster = useCluster({ nodes: 2, podsPerNode: 1 });
  const nodes = (): [Cluster, DemoNode, DemoNode] => [cluster.get(), cluster.get().nodes[0]!, cluster.get().nodes[1]!];

  it(
    'give a node its pod CIDR late: it runs before that, and reports that it waits for one',
    async () => {
      const [c, first] = nodes();
      const plan = planNode(3, c.plan.families);
      const late = await c.addNode(plan);
      late.configure({ podCidrs: [] });
      late.start();
      expect(await waitCondition(late, 'pod-cidr', false)).toContain('it waits for podCidrs in its configuration');
      await late.waitLinks(['n1', 'n2']);
      await expect(c.attach({ name: 'pod-early', nodeIndex: 3 })).rejects.toThrow('no pod CIDR');
      late.configure({ podCidrs: plan.podCidrs });
      late.reload();
      await late.waitReady(FOLLOWS_WITHIN_MS);
      await waitRoutes(first, late, plan.podCidrs);
      const pod = await c.attach({ name: 'pod-late', nodeIndex: 3 });
      await expectReachable(c.pod('pod-a'), pod);
      await expectReachable(pod, c.pod('pod-a'));
      await c.detach(pod);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'rotate the cluster secret under a bulk stream, one node after the other, without a dropped link',
    async () => {
      const [c, first, second] = nodes();
      const third = c.nodes[2]!;
      const fileOf = (node: DemoNode) => join(node.stateDir, '..', 'cluster-secret');
      const secretsOf = async (node: DemoNode) => (await node.api.status()).clusterSecret!;
      const waitSecrets = (node: DemoNode, count: number) =>
        waitUntil(`${count} secrets of ${node.name}`, START_WITHIN_MS, async () => {
          const { file, ids } = await secretsOf(node);
          return file === fileOf(node) && ids.length === count;
        });
      for (const node of [first, second, third]) {
        copyFileSync(node.settings.secretFile, fileOf(node));
        node.configure({ clusterSecretFile: fileOf(node) });
        await waitSecrets(node, 1);
      }
      const upSince = async () => Date.parse((await first.api.peers()).find(({ name }) => name === 'n2')!.since!);
      const [linkBefore, secretBefore] = [await upSince(), (await secretsOf(first)).ids[0]];
      const stream = startStream(c, c.pod('pod-a'), c.pod('pod-b'));

      await meshctl(first, 'rotate');
      await waitSecrets(first, 2);
      copyFileSync(fileOf(first), fileOf(second));
      await waitSecrets(second, 2);
      await waitUntil('both secrets in the advert of n2', START_WITHIN_MS, async () => {
        const peer = (await first.api.peers()).find(({ name }) => name === 'n2');
        return peer?.secretIds?.length === 2;
      });
      await expect(meshctl(first, 'rotate', '--end')).rejects.toThrow('the old secret stays, since n3 (up)');
      copyFileSync(fileOf(first), fileOf(third));
      await waitUntil('the new secret on all nodes', START_WITHIN_MS, () => meshctl(third, 'rotate', '--end'));
      await waitSecrets(third, 1);
      await third.stop();
      third.start();
      await third.waitLinks(['n1', 'n2'], START_WITHIN_MS);
      for (const node of [first, second]) {
        await waitUntil('the end of the old secret', START_WITHIN_MS, () => meshctl(node, 'rotate', '--end'));
        await waitSecrets(node, 1);
      }
      await third.waitLinks(['n1', 'n2']);

      expect(await meshctl(first, 'rotate', '--status')).toContain('3 of 3 nodes have the secret');
      expect((await secretsOf(first)).ids).not.toContain(secretBefore);
      expect(Math.abs((await upSince()) - linkBefore)).toBeLessThan(1_000);
      for (const { intact } of await stream.finish()) expect(intact).toBe(true);
    },
    2 * TEST_TIMEOUT_MS,
  );

  it(
    'add a second pod CIDR of a family, without a signal',
    async () => {
      const [, first, second] = nodes();
      const podCidrs = [...second.plan.podCidrs, '10.32.22.0/24'];
      second.configure({ podCidrs });
      await waitRoutes(first, second, podCidrs);
      expect((await second.api.status()).addresses.map(({ cidr }) => cidr)).toEqual(podCidrs);
      await waitUntil('the gateway of the second CIDR', FOLLOWS_WITHIN_MS, async () =>
        (await second.namespace.ip('address', 'show', 'to', '10.32.22.1')).includes('10.32.22.1/32'),
      );
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'take a pod CIDR away: its pods keep their network, new pods get other addresses, and it is reported',
    async () => {
      const [c, first, second] = nodes();
      const before = c.pod('pod-a');
      const other = c.pod('pod-b');
      first.configure({ podCidrs: ['10.32.101.0/24', 'fd00:32:0:101::/64'] });
      first.reload();
      expect(await waitCondition(first, 'withdrawn-cidrs', false)).toContain('10.32.1.0/24 (1 pod)');
      const after = await c.attach({ name: 'pod-after', nodeIndex: 1 });
      expect(after.ips[0]).toMatch(/^10\.32\.101\./);
      for (const [from, to] of [
        [before, other],
        [other, before],
        [after, other],
        [other, after],
        [before, after],
      ] as const) {
        await expectReachable(from, to);
      }
      expect((await first.api.status()).ready).toBe(true);
      await c.detach(before);
      await waitCondition(first, 'withdrawn-cidrs', true);
      await waitRoutes(second, first, ['10.32.101.0/24', 'fd00:32:0:101::/64']);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'are refused as a whole when one is wrong; the node goes on, also when its agent is killed',
    async () => {
      const [c, first] = nodes();
      const mtuBefore = (await first.api.status()).podMtuBytes;
      writeFileSync(first.configFile, 'nodeName: n1\npodCidrs: [10.32.1.0/33]\npodMtu: 1280\n');
      first.reload();
      expect(await waitCondition(first, 'configuration', false)).toContain(`${first.configFile}: podCidrs`);
      const agent = onlyProcess(first, 'agent');
      signal(agent, 'SIGKILL');
      await restarted(first, 'agent', agent);
      expect(await first.api.status()).toMatchObject({ ready: true, podMtuBytes: mtuBefore });
      expect((await condition(first, 'configuration'))?.ok).toBe(false);
      await expectReachable(c.pod('pod-after'), c.pod('pod-b'));
      await expectReachable(c.pod('pod-b'), c.pod('pod-after'));
      first.configure({ podMtu: 1300 });
      first.reload();
      await waitCondition(first, 'configuration', true);
      await waitUntil('bridge MTU 1300', FOLLOWS_WITHIN_MS, async () =>
        (await first.namespace.ip('link', 'show', 'heddle0')).includes('mtu 1300 '),
      );
    },
    TEST_TIMEOUT_MS,
  );
});
