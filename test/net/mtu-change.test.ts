/**
 * Changes of the MTU on a running cluster, in both families: the node's interfaces and its running pods follow the underlay within
 * seconds, and large packets get through, whole or as fragments. Needs root and a build.
 */
import { describe, it } from '@jest/globals';
import { NODE_INTERFACE } from '../../deploy/demo/cluster/underlay.js';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { Pod } from '../../deploy/demo/cluster/cluster.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import type { NetworkNamespace } from '../../deploy/demo/machine/network-namespace.js';
import { useCluster } from './cluster-fixture.js';

const TEST_TIMEOUT_MS = 60_000;
/** Less than a probe of the size in use takes to fail (15 s). */
const FOLLOWS_WITHIN_MS = 6_000;

describe('a cluster whose underlay changes its MTU', () => {
  const cluster = useCluster({ nodes: 2, podsPerNode: 1 });
  const nodes = () => cluster.get().nodes as [DemoNode, DemoNode];
  const pods = () => cluster.get().pods as [Pod, Pod];
  const setUnderlay = (node: DemoNode, mtu: number) =>
    node.namespace.ip('link', 'set', 'dev', NODE_INTERFACE, 'mtu', String(mtu));
  const mtuOf = async (namespace: NetworkNamespace, name: string) => {
    const [link] = JSON.parse(await namespace.ip('-json', 'link', 'show', 'dev', name)) as [{ mtu: number }];
    return link.mtu;
  };

  /** MTU of the bridge, the TAP, and both ends of the pod's pair. */
  async function mtusOf({ node, namespace }: Pod): Promise<number[]> {
    const links = JSON.parse(await node.namespace.ip('-json', 'link')) as { ifname: string; mtu: number }[];
    const ours = links.filter(
      ({ ifname }) => ['heddle0', 'heddle-tap'].includes(ifname) || /^hd[0-9a-f]+$/.test(ifname),
    );
    return [...ours.map(({ mtu }) => mtu), await mtuOf(namespace, 'eth0')];
  }

  it.each([1400, 1500])(
    'of %d: node, running pods and units follow',
    async (underlay) => {
      for (const node of nodes()) await setUnderlay(node, underlay);
      await waitUntil(`MTU ${underlay - 108} everywhere`, FOLLOWS_WITHIN_MS, async () => {
        const found = (await Promise.all(pods().map(mtusOf))).flat();
        return found.length === 8 && found.every((mtu) => mtu === underlay - 108);
      });
      await largePacketsArrive();
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'on one node only: large packets still arrive in both directions',
    async () => {
      await setUnderlay(nodes()[1], 1350);
      await waitUntil(
        'the MTU of the second node',
        FOLLOWS_WITHIN_MS,
        async () => (await mtuOf(pods()[1].namespace, 'eth0')) === 1280,
      );
      await largePacketsArrive();
      await setUnderlay(nodes()[1], 1500);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'towards a peer only, by a route: the size in use follows the first refusal',
    async () => {
      const [first, second] = nodes();
      for (const address of [second.plan.underlayV4, second.plan.underlayV6]) {
        await first.namespace.ip('route', 'replace', address, 'dev', NODE_INTERFACE, 'mtu', '1300');
      }
      await largePacketsArrive();
    },
    TEST_TIMEOUT_MS,
  );

  /** Of 4000 bytes, cut by the sender's own stack; each direction and family, within the time of one retry. */
  async function largePacketsArrive(): Promise<void> {
    const [a, b] = pods();
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      for (const ip of to.ips) {
        await waitUntil(`large packets to ${ip}`, FOLLOWS_WITHIN_MS, async () => {
          const printed = await from.namespace.run('ping', [
            '-c',
            '3',
            '-i',
            '0.2',
            '-W',
            '1',
            '-M',
            'dont',
            '-s',
            '4000',
            ip,
          ]);
          return printed.includes(' 0% packet loss');
        });
      }
    }
  }
});
