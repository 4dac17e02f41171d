/** Nodes of a cluster in which Kubernetes names the nodes, with the stand-in for an API server on the underlay. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { ping } from '../../deploy/demo/traffic/ping.js';
import { nodeObject } from '../../kube/testing/node-objects.js';
import { ApiServerProcess } from './api-server-process.js';
import { useCluster } from './cluster-fixture.js';

const TEST_TIMEOUT_MS = 120_000;
const HAPPENS_WITHIN_MS = 45_000;
const CUT_OFF_WITHIN_MS = 15_000;
/** Nodes without a cluster secret. The secret on top of the keys is used in `image.test.ts`. */
const NO_FILE = '/run/heddle-no-such-secret';
const SERVER = '192.168.99.1';
const PORT = 8001;

describe('nodes that Kubernetes names', () => {
  const cluster = useCluster({
    nodes: 0,
    podsPerNode: 0,
    families: 'ipv4',
    extraArgs: [
      '--kubernetes',
      '--kubernetes-api',
      `http://${SERVER}:${PORT}`,
      '--trust',
      'kubernetes',
      '--cluster-secret-file',
      NO_FILE,
    ],
  });
  const server = new ApiServerProcess(SERVER, PORT);
  const nodes: DemoNode[] = [];
  const put = ({ plan }: DemoNode): void =>
    server.put(nodeObject(plan.name, { podCIDRs: [...plan.podCidrs] }, [plan.underlayV4]));
  const waitLog = (node: DemoNode, text: string): Promise<boolean> =>
    waitUntil(`${node.name} logs "${text}"`, HAPPENS_WITHIN_MS, () =>
      Promise.resolve(readFileSync(node.logFile, 'utf8').includes(text)),
    );
  const namesOfPeers = async (node: DemoNode): Promise<string[]> => (await node.api.peers()).map(({ name }) => name);

  beforeAll(async () => {
    for (let i = 0; i < 3; i++) nodes.push(await cluster.get().addNode());
    for (const node of nodes) node.configure({ seeds: nodes.slice(0, 2).map(({ plan }) => plan.underlayV4) });
    server.start(nodes[0]!.namespace);
  });
  afterAll(() => server.kill());

  it(
    'publish their keys and link, and their pods reach each other',
    async () => {
      const [first, second] = nodes as [DemoNode, DemoNode, DemoNode];
      for (const node of [first, second]) {
        put(node);
        node.start();
      }
      await Promise.all([first.waitReady(), second.waitReady()]);
      await Promise.all([first.waitLinks(['n2']), second.waitLinks(['n1'])]);
      for (const name of ['pod-a', 'pod-b']) server.putPod('demo', name);
      const [a, b] = [
        await cluster.get().attach({ name: 'pod-a', nodeIndex: 1 }),
        await cluster.get().attach({ name: 'pod-b', nodeIndex: 2 }),
      ];
      await waitUntil(
        'a pod reaches the other',
        HAPPENS_WITHIN_MS,
        async () => (await ping(a.namespace, b.ips[0]!)).ok,
      );
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'refuse a node without a Node object, by name, until there is one',
    async () => {
      const [first, , stranger] = nodes as [DemoNode, DemoNode, DemoNode];
      stranger.start();
      await waitLog(first, 'does not name this key');
      expect(readFileSync(first.logFile, 'utf8')).toMatch(/does not name this key.*"n3"|"n3".*does not name this key/);
      put(stranger);
      await stranger.waitLinks(['n1', 'n2']);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'do not believe a node that claims the pod CIDR of another',
    async () => {
      const [first, second, thief] = nodes as [DemoNode, DemoNode, DemoNode];
      thief.configure({ podCidrs: [...thief.plan.podCidrs, ...second.plan.podCidrs] });
      thief.reload();
      await waitLog(first, 'claims pod addresses that the authority');
      const [a, b] = [cluster.get().pod('pod-a'), cluster.get().pod('pod-b')];
      expect((await ping(a.namespace, b.ips[0]!)).ok).toBe(true);
      await second.stop();
      await waitUntil('n2 is gone', HAPPENS_WITHIN_MS, async () => {
        const peers = await first.api.peers();
        return peers.find(({ name }) => name === 'n2')?.state === 'down';
      });
      expect((await ping(a.namespace, b.ips[0]!)).ok).toBe(false);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'cut off a node within 15 s after its Node was deleted, also without traffic',
    async () => {
      const [first] = nodes as [DemoNode];
      expect(await namesOfPeers(first)).toContain('n3');
      await waitLog(first, 'this node watches all Nodes');
      server.delete('n3');
      await waitUntil(
        'n3 is no peer of n1',
        CUT_OFF_WITHIN_MS,
        async () => !(await namesOfPeers(first)).includes('n3'),
      );
    },
    TEST_TIMEOUT_MS,
  );
});
