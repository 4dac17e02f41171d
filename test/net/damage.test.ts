import { describe, expect, it } from '@jest/globals';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import { signal } from '../../deploy/demo/machine/processes.js';
import { ChainRuntime } from './chain-runtime.js';
import { onlyProcess, useCluster } from './cluster-fixture.js';

const TEST_TIMEOUT_MS = 60_000;
const MENDED_WITHIN_MS = 5_000;

describe('damage under a running node', () => {
  const cluster = useCluster({ nodes: 1, podsPerNode: 2 });

  /** Runs what damages pod A's way to pod B, or from this address of its own, and waits until A reaches B again. */
  async function expectMended(damage: (hostInterface: string) => Promise<unknown>, source?: string): Promise<void> {
    const [a, b] = cluster.get().pods;
    const from = source === undefined ? [] : ['-I', source];
    const ping = () => a!.namespace.run('ping', ['-c', '1', '-W', '1', '-q', ...from, b!.ips[0]!]);
    await ping();
    const route = await a!.node.namespace.ip('-4', 'route', 'show', a!.ips[0]!);
    const agent = onlyProcess(a!.node, 'agent');
    // It would have mended before a ping has started on a busy machine.
    signal(agent, 'SIGSTOP');
    try {
      await damage(/ dev (hd\S+)/.exec(route)![1]!);
      await expect(ping()).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    } finally {
      signal(agent, 'SIGCONT');
    }
    await waitUntil('pod A reaches pod B', MENDED_WITHIN_MS, async () => (await ping()) !== '');
  }

  it(
    'is mended within five seconds when the bridge is deleted',
    () => expectMended(() => cluster.get().nodes[0]!.namespace.ip('link', 'del', 'heddle0')),
    TEST_TIMEOUT_MS,
  );

  it.each([['down'], ['nomaster']])(
    "is mended within five seconds when a pod's port is set %s",
    (state) => expectMended((port) => cluster.get().nodes[0]!.namespace.ip('link', 'set', 'dev', port, state)),
    TEST_TIMEOUT_MS,
  );

  it.each([
    ['default routes', 'default'],
    ['routes', 'all'],
  ])(
    'is mended within five seconds when the %s inside a pod are deleted',
    (_, which) => expectMended(() => cluster.get().pods[0]!.namespace.ip('-4', 'route', 'flush', which)),
    TEST_TIMEOUT_MS,
  );

  it(
    'is mended within five seconds when the interface inside a pod is set down and up again',
    () =>
      expectMended(async () => {
        const { namespace } = cluster.get().pods[0]!;
        await namespace.ip('link', 'set', 'dev', 'eth0', 'down');
        await namespace.ip('link', 'set', 'dev', 'eth0', 'up');
      }),
    TEST_TIMEOUT_MS,
  );

  it(
    'is mended within five seconds when the addresses inside a pod are deleted, and its gateway as a neighbour with them',
    async () => {
      const { namespace, ips } = cluster.get().pods[0]!;
      await expectMended(async () => {
        await namespace.ip('neighbour', 'flush', 'dev', 'eth0', 'nud', 'permanent');
        await namespace.ip('address', 'flush', 'dev', 'eth0', 'scope', 'global');
      });
      const addresses = await namespace.ip('address', 'show', 'dev', 'eth0');
      for (const ip of ips) expect(addresses).toContain(` ${ip}/`);
      const neighbours = await namespace.ip('neighbour', 'show', 'dev', 'eth0', 'nud', 'permanent');
      expect(neighbours.trim().split('\n')).toHaveLength(ips.length);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'is mended within five seconds when the rule for the addresses of a second interface inside a pod is deleted',
    async () => {
      const runtime = new ChainRuntime();
      const list = { cniVersion: '1.0.0', name: 'heddle', plugins: [{ type: 'heddle-cni' }] };
      const pod = cluster.get().pods[0]!;
      const call = { list, pod, ifname: 'net1' };
      const added = await runtime.add(call);
      const source = added.ips.map(({ address }) => address.split('/')[0]!).find((ip) => !ip.includes(':'))!;
      await expectMended(() => pod.namespace.ip('rule', 'del', 'from', source), source);
      await runtime.del(call, added);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'is mended within five seconds when the route to a pod is deleted',
    () =>
      expectMended(async (port) => {
        await cluster.get().nodes[0]!.namespace.ip('-4', 'route', 'flush', 'dev', port);
      }),
    TEST_TIMEOUT_MS,
  );
});
