/**
 * Pods with more than one interface, on a cluster of two nodes in both families: a second one of Heddle, one beside a default
 * route of another plugin, and a chain with the reference plugin `sbr`. Needs root, a build and containernetworking-plugins.
 */
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Pod } from '../../deploy/demo/cluster/cluster.js';
import { NetworkNamespace, removeNamespace } from '../../deploy/demo/machine/network-namespace.js';
import { ChainRuntime, REFERENCE_PLUGIN_FOLDER } from './chain-runtime.js';
import { itWith } from './installed-programs.js';
import type { ChainCall, ChainResult, ConfList } from './chain-runtime.js';
import { compareAgain, useCluster } from './cluster-fixture.js';

const TEST_TIMEOUT_MS = 60_000;
const FOREIGN_DEFAULTS = ['192.0.2.1', '2001:db8::1'];
const FAMILIES = ['4', '6'] as const;

const list = (options: object = {}, ...chain: { readonly type: string }[]): ConfList => ({
  cniVersion: '1.0.0',
  name: 'heddle',
  plugins: [{ type: 'heddle-cni', ...options }, ...chain],
});

describe('a pod with several interfaces', () => {
  const cluster = useCluster({ nodes: 2, podsPerNode: 1 });
  const runtime = new ChainRuntime();
  const made: string[] = [];
  const far = () => cluster.get().pods[1]!;

  afterEach(async () => {
    for (const name of made.splice(0)) await removeNamespace(name);
  });

  /** A namespace on the first node without an interface of Heddle. */
  async function emptyPod(): Promise<ChainCall['pod']> {
    const [{ namespace: other, node }] = cluster.get().pods as [Pod];
    const namespace = await NetworkNamespace.create(`${other.name}-multi`);
    made.push(namespace.name);
    return { name: 'multi', node, namespace };
  }

  /** Another plugin's interface `net0`, with the default routes. */
  async function addForeignInterface({ namespace }: ChainCall['pod']): Promise<void> {
    await namespace.ip('link', 'add', 'net0', 'type', 'bridge');
    await namespace.ip('link', 'set', 'net0', 'up');
    await namespace.ip('address', 'add', '192.0.2.2/24', 'dev', 'net0');
    await namespace.ip('address', 'add', '2001:db8::2/64', 'dev', 'net0', 'nodad');
    for (const gateway of FOREIGN_DEFAULTS) await namespace.ip('route', 'add', 'default', 'via', gateway);
  }

  /** The far pod and the node reach every address, and the pod reaches the far pod, also from each address. */
  async function expectConnected(
    pod: ChainCall['pod'],
    results: readonly ChainResult[],
    unbound = true,
  ): Promise<void> {
    const addresses = results.flatMap(addressesOf);
    for (const address of addresses) {
      for (const from of [far().namespace, pod.node.namespace]) await ping(from, address);
    }
    if (unbound) for (const address of far().ips) await ping(pod.namespace, address);
    for (const address of addresses) {
      const [to] = far().ips.filter((ip) => ip.includes(':') === address.includes(':')) as [string];
      await ping(pod.namespace, to, address);
    }
  }

  it(
    'has addresses on each that answer, and loses one without the other',
    async () => {
      const pod = await emptyPod();
      const calls = ['eth0', 'net1', 'net2'].map((ifname): ChainCall => ({ list: list(), pod, ifname }));
      const results: ChainResult[] = [];
      for (const call of calls) results.push(await runtime.add(call));
      await expectConnected(pod, results);
      for (const [i, call] of calls.entries()) await runtime.check(call, results[i]!);
      await compareAgain(pod.node);
      await expectConnected(pod, results);
      await runtime.del(calls[1]!, results[1]);
      await expectConnected(pod, [results[0]!, results[2]!]);
      for (const family of FAMILIES)
        expect((await pod.namespace.ip(`-${family}`, 'rule')).match(/1040:/g)).toHaveLength(1);
      for (const i of [0, 2]) await runtime.del(calls[i]!, results[i]);
      const { addresses } = await pod.node.api.status();
      expect(addresses.every(({ used }) => used === 1)).toBe(true);
    },
    TEST_TIMEOUT_MS,
  );

  it.each([
    ['keeps the default route of another plugin', {}, FOREIGN_DEFAULTS],
    ['keeps it beside one of its own with a worse metric', { routeMetric: 5000 }, FOREIGN_DEFAULTS],
    ['has it replaced by one with a better metric', { routeMetric: 1 }, null],
  ])(
    '%s, and is connected',
    async (_, options, expected) => {
      const pod = await emptyPod();
      await addForeignInterface(pod);
      if (expected === null) await worsenDefaults(pod.namespace);
      const call = { list: list(options), pod, ifname: 'net1' };
      const result = await runtime.add(call);
      for (const [i, target] of ['198.51.100.1', '2001:db8:1::1'].entries()) {
        const way = await pod.namespace.ip('route', 'get', target);
        expect(way).toContain(expected === null ? 'dev net1' : `via ${expected[i]} dev net0`);
      }
      await expectConnected(pod, [result]);
      await runtime.check(call, result);
      await runtime.del(call, result);
      expect(await pod.namespace.ip('route')).toContain('default via 192.0.2.1');
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'reaches the cluster alone when its only interface has no default route',
    async () => {
      const pod = await emptyPod();
      const call = { list: list({ defaultRoute: false }), pod };
      const result = await runtime.add(call);
      await expectConnected(pod, [result]);
      expect(await pod.namespace.ip('route')).not.toContain('default');
      await compareAgain(pod.node);
      expect(await pod.namespace.ip('-6', 'route')).not.toContain('default');
      await runtime.del(call, result);
    },
    TEST_TIMEOUT_MS,
  );

  itWith(
    [join(REFERENCE_PLUGIN_FOLDER, 'sbr')],
    'is connected behind the plugin sbr, whose routes the agent leaves where they are',
    async () => {
      const pod = await emptyPod();
      await addForeignInterface(pod);
      const call = { list: list({}, { type: 'sbr' }), pod, ifname: 'net1' };
      const result = await runtime.add(call);
      // sbr takes the routes of the interface out of the main table.
      await expectConnected(pod, [result], false);
      await runtime.check(call, result);
      const routes = () => pod.namespace.ip('route', 'show', 'table', 'all', 'dev', 'net1');
      const before = await routes();
      await compareAgain(pod.node);
      expect(await routes()).toBe(before);
      await expectConnected(pod, [result], false);
      await runtime.del(call, result);
    },
    TEST_TIMEOUT_MS,
  );
});

async function worsenDefaults(namespace: NetworkNamespace): Promise<void> {
  for (const gateway of FOREIGN_DEFAULTS) {
    await namespace.ip('route', 'del', 'default', 'via', gateway);
    await namespace.ip('route', 'add', 'default', 'via', gateway, 'metric', '2000');
  }
}

async function ping(from: NetworkNamespace, to: string, source?: string): Promise<void> {
  await from.run('ping', ['-n', '-q', '-c', '1', '-W', '2', ...(source === undefined ? [] : ['-I', source]), to]);
}

function addressesOf({ ips }: ChainResult): string[] {
  return ips.map(({ address }) => address.split('/')[0]!);
}
