import { describe, expect, it } from '@jest/globals';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import { useCluster } from './cluster-fixture.js';

const TEST_TIMEOUT_MS = 60_000;
const MENDED_WITHIN_MS = 5_000;

describe('damage under a running node', () => {
  const cluster = useCluster({ nodes: 1, podsPerNode: 2 });

  /** Runs what damages pod A's way to pod B, and waits until A reaches B again. */
  async function expectMended(damage: (hostInterface: string) => Promise<unknown>): Promise<void> {
    const [a, b] = cluster.get().pods;
    const ping = () => a!.namespace.run('ping', ['-c', '1', '-W', '1', '-q', b!.ips[0]!]);
    await ping();
    const route = await a!.node.namespace.ip('-4', 'route', 'show', a!.ips[0]!);
    await damage(/ dev (hd\S+)/.exec(route)![1]!);
    await expect(ping()).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
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
    'is mended within five seconds when the route to a pod is deleted',
    () =>
      expectMended(async (port) => {
        await cluster.get().nodes[0]!.namespace.ip('-4', 'route', 'flush', 'dev', port);
      }),
    TEST_TIMEOUT_MS,
  );
});
