/**
 * Frames and datagrams that the kernel drops, in front of a router that does not read and of a pod that takes smaller ones only: they
 * are counted and shown. Needs root and a build.
 */
import { describe, expect, it } from '@jest/globals';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { UNDERLAY_PORT } from '../../deploy/demo/cluster/plan.js';
import type { NetworkNamespace } from '../../deploy/demo/machine/network-namespace.js';
import { onlyProcess, useCluster } from './cluster-fixture.js';

const TEST_TIMEOUT_MS = 90_000;
/** One look of the agent at the host takes up to 10 s; the cause is repeated until the effect is shown. */
const SHOWN_WITHIN_MS = 15_000;
const ATTEMPTS = 5;
/** Of 8 MB to each target; a router's queues hold less. */
const FLOOD = `
import socket, sys
for target in sys.argv[2:]:
    s = socket.socket(socket.AF_INET6 if ':' in target else socket.AF_INET, socket.SOCK_DGRAM)
    for i in range(8000):
        try: s.sendto(b'x' * 1000, (target, int(sys.argv[1])))
        except OSError: pass
`;
const DISCARD_PORT = 9;

describe('a node whose kernel drops packets', () => {
  const cluster = useCluster({ nodes: 2, podsPerNode: 1 });

  async function expectShown(node: DemoNode, reason: string, cause: () => Promise<unknown>): Promise<void> {
    const drops = async () => (await node.api.status()).drops[reason] ?? 0;
    expect(await drops()).toBe(0);
    for (let attempt = 1; (await drops()) === 0; attempt++) {
      await cause();
      const shown = waitUntil(
        `${reason} in the drops of ${node.name}`,
        SHOWN_WITHIN_MS,
        async () => (await drops()) > 0,
      );
      await shown.catch((thrown: unknown) => {
        if (attempt === ATTEMPTS) throw thrown;
      });
    }
  }

  const flood = (from: NetworkNamespace, port: number, targets: readonly string[]) =>
    from.run('python3', ['-c', FLOOD, String(port), ...targets]);

  async function whileStopped(node: DemoNode, work: () => Promise<unknown>): Promise<void> {
    const router = onlyProcess(node, 'router');
    process.kill(router, 'SIGSTOP');
    try {
      await work();
    } finally {
      process.kill(router, 'SIGCONT');
    }
  }

  it(
    'shows frames of pods that its router did not read',
    async () => {
      const [a, b] = cluster.get().pods;
      const cause = () => whileStopped(a!.node, () => flood(a!.namespace, DISCARD_PORT, b!.ips));
      await expectShown(a!.node, 'tapQueueFull', cause);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'shows datagrams of its peers that its router did not read',
    async () => {
      const [a, b] = cluster.get().nodes;
      const cause = () => whileStopped(b!, () => flood(a!.namespace, UNDERLAY_PORT, [b!.plan.underlayV4]));
      await expectShown(b!, 'socketQueueFull', cause);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'shows frames that are larger than a pod takes',
    async () => {
      const { namespace, node, ips } = cluster.get().pods[0]!;
      const ping = `ping -q -c 1 -W 1 -s 1200 ${ips[0]} || true`;
      await expectShown(node, 'podInterfaceDropped', async () => {
        await namespace.ip('link', 'set', 'dev', 'eth0', 'mtu', '1000');
        await node.namespace.run('sh', ['-c', ping]);
      });
    },
    TEST_TIMEOUT_MS,
  );
});
