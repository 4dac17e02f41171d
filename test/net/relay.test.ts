/** Nodes without a path to each other, whose pods talk through a third node (ADR 0044). Needs root and a build. */
import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import type { Peer } from '../../common/api.js';
import type { Cluster, Pod } from '../../deploy/demo/cluster/cluster.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import { UNDERLAY_PORT } from '../../deploy/demo/cluster/plan.js';
import { PodTraffic } from '../../deploy/demo/traffic/pod-traffic.js';
import { DIST_DIR, meshctl, onlyProcess, restarted, useCluster } from './cluster-fixture.js';
import { startStream } from './pod-stream.js';
import { gapAround } from './traffic-gap.js';

const TEST_TIMEOUT_MS = 180_000;
/** Silence of 4 s, then the search for a relay; and the machine may be busy. */
const RELAYED_WITHIN_MS = 30_000;
/** A direct probe every 10 s, then one every second; an attempt every 60 s after the first minute. */
const DIRECT_WITHIN_MS = 90_000;
const TRANSFER_BYTES = 24 << 20;
/** On a busy machine; `npm run bench:restart` measures. */
const HANDOVER_GAP_MS = 5_000;
const TABLE = 'test_no_path';

/** In the node's namespace: drops what comes from others, and counts envelopes that come from anyone. */
async function block(node: DemoNode, ...from: readonly DemoNode[]): Promise<void> {
  const drops = from.map(({ plan }) => `ip saddr ${plan.underlayV4} udp dport ${UNDERLAY_PORT} drop`);
  // The first byte behind the UDP header is the type of the datagram.
  const count = `udp dport ${UNDERLAY_PORT} @th,64,8 8 counter`;
  const chain = `type filter hook input priority -300`;
  const table = `table inet ${TABLE} {\nchain input {\n${chain}\n${drops.join('\n')}\n${count}\n}\n}\n`;
  await node.namespace.run('nft', ['-f', '-'], `table inet ${TABLE}\ndelete table inet ${TABLE}\n${table}`);
}

/** Envelopes that came to a node since its last {@link block}. */
async function envelopes(node: DemoNode): Promise<number> {
  const listing = await node.namespace.run('nft', ['list', 'table', 'inet', TABLE]);
  return Number(/counter packets (\d+)/.exec(listing)![1]);
}

/** What the node of one pod says of the node of the other. */
async function peerOf(from: Pod, to: Pod): Promise<Peer> {
  return (await from.node.api.peers()).find(({ name }) => name === to.node.name)!;
}

async function ping(from: Pod, to: Pod): Promise<boolean> {
  try {
    await from.namespace.run('ping', ['-n', '-c', '1', '-W', '2', to.ips[0]!]);
    return true;
  } catch {
    return false;
  }
}

/** Frames that a pod's node has refused because it has no link to the owner of their destination. */
async function refusedFrames({ node }: Pod): Promise<number> {
  return (await node.api.status()).drops['noRoute'] ?? 0;
}

/** How many of a few pings go as envelopes to the node of the other pod. */
async function envelopesOfPings(from: Pod, to: Pod): Promise<number> {
  const before = await envelopes(to.node);
  for (let i = 0; i < 5; i++) expect(await ping(from, to)).toBe(true);
  return (await envelopes(to.node)) - before;
}

function untilRelayed(from: Pod, to: Pod): Promise<unknown> {
  return waitUntil('pings in envelopes both ways', RELAYED_WITHIN_MS, async () => {
    const before = [await envelopes(from.node), await envelopes(to.node)];
    if (!(await ping(from, to))) return false;
    return (await envelopes(from.node)) > before[0]! && (await envelopes(to.node)) > before[1]!;
  });
}

async function untilDirect(from: Pod, to: Pod): Promise<void> {
  await waitUntil('a direct path at both ends', DIRECT_WITHIN_MS, async () =>
    [await peerOf(from, to), await peerOf(to, from)].every(({ path, state }) => path === 'direct' && state === 'up'),
  );
  expect(await envelopesOfPings(from, to)).toBe(0);
}

async function transfer(from: Pod, to: Pod, ...addresses: readonly string[]): Promise<void> {
  const traffic = new PodTraffic(DIST_DIR);
  const bytes = TRANSFER_BYTES / Math.max(1, addresses.length);
  const route = { from: from.namespace, to: to.namespace, bytes, bytesPerSecond: 0 };
  const streams = [to.ips[0]!, ...addresses.slice(1)].map((address) => traffic.transfer({ ...route, address }));
  for (const done of await Promise.all(streams)) {
    expect(done).toMatchObject({ intact: true });
  }
}

describe('two of four nodes without a path to each other', () => {
  const lab = useCluster({ nodes: 4, podsPerNode: 1 });
  const ends = (cluster: Cluster) => cluster.pods.slice(0, 2) as [Pod, Pod];

  it(
    'carry the connections of their pods through a third one, and directly again when they meet',
    async () => {
      const cluster = lab.get();
      const [a, b] = ends(cluster);
      const stream = await startStream(a, b);
      for (const node of cluster.nodes) await block(node);
      await block(a.node, b.node);
      await block(b.node, a.node);
      await untilRelayed(a, b);
      expect(await envelopesOfPings(a, b)).toBeGreaterThanOrEqual(5);
      expect(await stream.echo()).toBe('echo');
      await transfer(a, b);
      await transfer(b, a);
      const { path, via, pathReason } = await peerOf(a, b);
      expect([path, typeof pathReason]).toEqual(['relayed', 'string']);
      expect(['n3', 'n4']).toContain(via);
      expect(await meshctl(a.node, 'peers', '-o', 'wide')).toMatch(
        new RegExp(`^n2 .* via ${via} .*${pathReason}`, 'm'),
      );
      await block(a.node);
      await block(b.node);
      await untilDirect(a, b);
      expect(await stream.echo()).toBe('echo');
      stream.close();
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'do so when only one direction works',
    async () => {
      const [a, b] = ends(lab.get());
      const stream = await startStream(a, b);
      await block(b.node, a.node);
      await untilRelayed(a, b);
      expect(await stream.echo()).toBe('echo');
      await transfer(a, b);
      await block(b.node);
      await untilDirect(a, b);
      expect(await stream.echo()).toBe('echo');
      stream.close();
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'go on through another one when the relay is gone',
    async () => {
      const cluster = lab.get();
      const [a, b] = ends(cluster);
      const stream = await startStream(a, b);
      await block(a.node, b.node);
      await block(b.node, a.node);
      await untilRelayed(a, b);
      const others = cluster.nodes.filter((node) => node !== a.node && node !== b.node);
      const counts = await Promise.all(others.map(envelopes));
      expect(await ping(a, b)).toBe(true);
      const after = await Promise.all(others.map(envelopes));
      const relay = others.find((_, i) => after[i]! > counts[i]!)!;
      await relay.crash();
      await waitUntil('pings through another relay', RELAYED_WITHIN_MS, () => ping(a, b));
      expect(await stream.echo()).toBe('echo');
      await transfer(a, b);
      stream.close();
    },
    TEST_TIMEOUT_MS,
  );
});

describe('two of three nodes without a path to each other, with two forwarding threads each', () => {
  const lab = useCluster({ nodes: 3, podsPerNode: 1 });
  /** The relay has one. */
  const flags = (node: DemoNode) => ['--lanes', node === lab.get().nodes[2] ? '1' : '2'];

  it(
    'carry streams of both threads through a third one with one thread, and keep them when its router hands over',
    async () => {
      const { nodes, pods } = lab.get();
      const [a, b] = pods as [Pod, Pod, Pod];
      const relay = nodes[2]!;
      await Promise.all(nodes.map((node) => node.stop()));
      for (const node of nodes) node.start(flags(node));
      await Promise.all(nodes.map((node) => node.waitReady()));
      await lab.get().waitLinks();
      for (const node of nodes) await block(node);
      await block(a.node, b.node);
      await block(b.node, a.node);
      await untilRelayed(a, b);
      const both = [...b.ips, ...b.ips];
      await transfer(a, b, ...both);
      const stream = await startStream(a, b);
      for (const node of [relay, a.node]) {
        const router = onlyProcess(node, 'router');
        const gap = await gapAround(a, b, () => {
          node.start([...flags(node), '--take-over']);
          return restarted(node, 'router', router);
        });
        expect(gap.lengthMs).toBeLessThan(HANDOVER_GAP_MS);
        expect(readFileSync(node.logFile, 'utf8')).toContain('sessions of the router before are taken over');
        expect(await envelopesOfPings(a, b)).toBeGreaterThanOrEqual(5);
        expect(await stream.echo()).toBe('echo');
      }
      for (const node of nodes) {
        const { drops } = await node.api.status();
        expect(Object.keys(drops)).not.toContain('wrongLane');
      }
      stream.close();
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'refuse frames to each other when the third one cannot be reached either, until they meet again',
    async () => {
      const { nodes, pods } = lab.get();
      const [a, b] = pods as [Pod, Pod, Pod];
      await block(a.node, b.node, nodes[2]!);
      await block(b.node, a.node, nodes[2]!);
      const before = await refusedFrames(a);
      await waitUntil('frames that are refused', DIRECT_WITHIN_MS, async () => {
        if (await ping(a, b)) return false;
        return (await peerOf(a, b)).state === 'down' && (await refusedFrames(a)) > before;
      });
      await block(a.node);
      await block(b.node);
      await waitUntil('pings', DIRECT_WITHIN_MS, () => ping(a, b));
    },
    TEST_TIMEOUT_MS,
  );
});
