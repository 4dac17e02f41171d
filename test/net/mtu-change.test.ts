/**
 * Changes of the MTU on a running cluster, in both families: the node's interfaces and its running pods follow the underlay within
 * seconds, and large packets get through, whole or as fragments. Needs root and a build.
 */
import { describe, expect, it } from '@jest/globals';
import { gatewayOf, parseCidr } from '../../common/address/cidr.js';
import { NODE_INTERFACE } from '../../deploy/demo/cluster/underlay.js';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { Pod } from '../../deploy/demo/cluster/cluster.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import type { NetworkNamespace } from '../../deploy/demo/machine/network-namespace.js';
import { useCluster } from './cluster-fixture.js';

const TEST_TIMEOUT_MS = 120_000;
const FAMILIES = ['4', '6'] as const;
type Family = (typeof FAMILIES)[number];
/** Less than a probe of the size in use takes to fail (15 s). */
const FOLLOWS_WITHIN_MS = 20_000;

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

  it.each(FAMILIES)(
    'of 9001 beside 1500: the own node answers what is too large for the peer, IPv%s',
    async (family) => {
      const [first, second] = nodes();
      const [a, b] = pods();
      const target = b.ips.find((ip) => isOf(ip, family))!;
      const gateway = gatewayOf(parseCidr(cidrOf(first, family)));
      const narrow = async () => {
        const routes = await first.namespace.ip(`-${family}`, 'route', 'show', cidrOf(second, family), 'proto', '104');
        return /mtu (\d+)/.exec(routes)?.[1] ?? null;
      };
      await waitUntil('no route left of before', FOLLOWS_WITHIN_MS, async () => (await narrow()) === null);
      await setUnderlay(first, 9001);
      await waitUntil('the route with an MTU', FOLLOWS_WITHIN_MS, async () => (await narrow()) === '1392');
      await waitUntil('the MTU of the pod', FOLLOWS_WITHIN_MS, async () => (await mtuOf(a.namespace, 'eth0')) === 8893);
      // What the pod remembers of the path would answer in place of the node.
      await a.namespace.ip(`-${family}`, 'route', 'flush', 'cache');
      const ping = (bytes: number) =>
        a.namespace.run('sh', ['-c', `ping -n -c 1 -W 2 -M do -s ${bytes} ${target} 2>&1 || true`]);
      expect(await ping(4000)).toMatch(new RegExp(`From ${gateway}.*(mtu ?= ?1392)`, 'i'));
      expect(await ping(1392 - (family === '4' ? 28 : 48))).toContain(' 0% packet loss');
      await largePacketsArrive();
      await setUnderlay(first, 1500);
      await waitUntil('no route with an MTU', FOLLOWS_WITHIN_MS, async () => (await narrow()) === null);
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

const isOf = (text: string, family: Family): boolean => text.includes(':') === (family === '6');

function cidrOf({ plan }: DemoNode, family: Family): string {
  return plan.podCidrs.find((cidr) => isOf(cidr, family))!;
}
