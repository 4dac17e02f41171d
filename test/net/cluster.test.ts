import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Peer } from '../../common/api.js';
import { checkAgentRestart } from '../../deploy/demo/checks/agent-restart.js';
import { checkDeath } from '../../deploy/demo/checks/death.js';
import { checkOutside } from '../../deploy/demo/checks/outside.js';
import { PodTraffic } from '../../deploy/demo/traffic/pod-traffic.js';
import { kill } from '../../deploy/demo/machine/processes.js';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import {
  DIST_DIR,
  expectAllReachable,
  hostObjects,
  onlyProcess,
  restarted,
  statusOfThreads,
  useCluster,
} from './cluster-fixture.js';

const TEST_TIMEOUT_MS = 60_000;
/** Ages go from the router to the agent in a message, which waits while a new agent loads. */
const AGE_TOLERANCE_MS = 4_000;
/** Of links and handshakes when the agent is killed: ages that begin with the new agent differ by more. */
const OLD_MS = 2 * AGE_TOLERANCE_MS;
/** An ordinary user without subordinate ids has a single user id, and the router cannot become another. */
const HAS_SEVERAL_USER_IDS = !/^\s*0\s+\d+\s+1\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));

describe('a cluster of three nodes', () => {
  const cluster = useCluster({ nodes: 3, podsPerNode: 2 });
  const traffic = new PodTraffic(DIST_DIR);

  it(
    'lets every pod reach every other, its gateway and, from the nodes, every pod',
    async () => {
      await expectAllReachable(cluster.get());
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'masquerades traffic to the outside as the node',
    async () => {
      expect((await checkOutside(cluster.get(), traffic)).problems).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'shows on every node the pods of all nodes, and the cipher of every link',
    async () => {
      const { nodes, pods } = cluster.get();
      const expected = pods.map(({ node, name, ips }) => [node.name, name, ...ips]).sort();
      for (const node of nodes) {
        await waitUntil(`the pods of all nodes on ${node.name}`, 10_000, async () => {
          const topology = await node.api.topology();
          const shown = topology.nodes.flatMap((owner) =>
            owner.pods.map(({ name, ips }) => [owner.name, name.split('/').at(-1)!, ...ips]),
          );
          const links = topology.links.filter(({ cipher }) => cipher !== null);
          return links.length === 3 && JSON.stringify(shown.sort()) === JSON.stringify(expected);
        });
      }
    },
    TEST_TIMEOUT_MS,
  );

  it('runs the router without any capability, and not as root', () => {
    for (const node of cluster.get().nodes) {
      const router = onlyProcess(node, 'router');
      for (const set of ['CapEff', 'CapPrm', 'CapInh', 'CapAmb']) {
        expect(new Set(statusOfThreads(router, set))).toEqual(new Set(['0000000000000000']));
      }
      const ids = ['Uid', 'Gid'].flatMap((field) =>
        statusOfThreads(router, field).flatMap((text) => text.split(/\s+/)),
      );
      if (HAS_SEVERAL_USER_IDS) expect(ids).not.toContain('0');
    }
  });

  it(
    'keeps a transfer going while the agent is killed, and the new agent takes the router back',
    async () => {
      expect((await checkAgentRestart(cluster.get(), traffic)).problems).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'keeps sessions, and the ages of links and handshakes, when an agent is killed',
    async () => {
      const node = cluster.get().nodes[0]!;
      const times = ({ since, lastHandshake }: Peer) => [since, lastHandshake].map((time) => Date.parse(time ?? ''));
      const before = await waitUntil('old links', 2 * OLD_MS, async () => {
        const peers = await node.api.peers();
        return peers.flatMap(times).every((atMs) => Date.now() - atMs > OLD_MS) && peers;
      });
      const agent = onlyProcess(node, 'agent');
      await kill([agent]);
      await restarted(node, 'agent', agent);
      await delay(2_000);
      const after = await node.api.peers();
      const facts = ({ name, state, cipher }: Peer) => [name, state, cipher];
      expect(after.map(facts)).toEqual(before.map(facts));
      const moved = after.flatMap((peer, i) => times(peer).map((atMs, t) => Math.abs(atMs - times(before[i]!)[t]!)));
      expect(moved).toHaveLength(4);
      expect(Math.max(...moved)).toBeLessThan(AGE_TOLERANCE_MS);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'recovers from the death of a router',
    async () => {
      const node = cluster.get().nodes[0]!;
      const router = onlyProcess(node, 'router');
      const agent = onlyProcess(node, 'agent');
      await kill([router]);
      await restarted(node, 'router', router);
      await cluster.get().waitLinks();
      expect(onlyProcess(node, 'agent')).toBe(agent);
      await expectAllReachable(cluster.get());
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'sees a node die and return, and finds bridge, TAP and pods again instead of making them twice',
    async () => {
      const node = cluster.get().nodes.at(-1)!;
      const before = await hostObjects(node);
      expect((await checkDeath(cluster.get())).problems).toEqual([]);
      expect(await hostObjects(node)).toEqual(before);
      await expectAllReachable(cluster.get());
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'attaches and detaches many times with the same result',
    async () => {
      const pod = await cluster.get().attach({ name: 'pod-x', nodeIndex: 1 });
      const again = await cluster.get().cni('ADD', pod);
      expect(again?.ips?.map(({ address }) => address.split('/')[0])).toEqual(pod.ips);
      expect(await cluster.get().cni('CHECK', pod)).toBeNull();
      expect(await cluster.get().cni('DEL', pod)).toBeNull();
      expect(await cluster.get().cni('DEL', pod)).toBeNull();
      await cluster.get().detach(pod);
      const endpoints = await cluster.get().nodes[0]!.api.endpoints();
      expect(endpoints.map(({ podName }) => podName)).not.toContain('pod-x');
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'frees a pod that was removed while its agent was down',
    async () => {
      const node = cluster.get().nodes[1]!;
      const pod = await cluster.get().attach({ name: 'pod-y', nodeIndex: 2 });
      await node.stop();
      await cluster.get().detach(pod);
      node.start();
      await node.waitReady();
      await waitUntil('the endpoint is gone', 15_000, async () => {
        return (await node.api.endpoints()).every(({ podName }) => podName !== 'pod-y');
      });
      await cluster.get().waitLinks();
    },
    TEST_TIMEOUT_MS,
  );
});
