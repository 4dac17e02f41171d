/**
 * Frames and datagrams that the kernel drops in front of a router that does not read: they are counted and shown. Needs root and a
 * build.
 */
import { describe, expect, it } from '@jest/globals';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import { onlyProcess, useCluster } from './cluster-fixture.js';

const TEST_TIMEOUT_MS = 60_000;
/** Two looks of the agent at the host. */
const SHOWN_WITHIN_MS = 25_000;
const FLOOD = `
import socket, sys
for target in sys.argv[1:]:
    s = socket.socket(socket.AF_INET6 if ':' in target else socket.AF_INET, socket.SOCK_DGRAM)
    for i in range(4000):
        try: s.sendto(b'x' * 1000, (target, 9))
        except OSError: pass
`;

describe('a router that does not read for a moment', () => {
  const cluster = useCluster({ nodes: 2, podsPerNode: 1 });

  it(
    'loses frames of pods, which are shown as drops',
    async () => {
      const [a, b] = cluster.get().pods;
      const router = onlyProcess(a!.node, 'router');
      expect((await a!.node.api.status()).drops).not.toHaveProperty('tapQueueFull');
      process.kill(router, 'SIGSTOP');
      try {
        await a!.namespace.run('python3', ['-c', FLOOD, ...b!.ips]);
      } finally {
        process.kill(router, 'SIGCONT');
      }
      await waitUntil('drops of the TAP', SHOWN_WITHIN_MS, async () => {
        const { drops } = await a!.node.api.status();
        return (drops['tapQueueFull'] ?? 0) > 0;
      });
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'loses datagrams of its peers, which are shown as drops',
    async () => {
      const [a, b] = cluster.get().pods;
      const router = onlyProcess(b!.node, 'router');
      expect((await b!.node.api.status()).drops).not.toHaveProperty('socketQueueFull');
      process.kill(router, 'SIGSTOP');
      try {
        await a!.namespace.run('python3', ['-c', FLOOD, ...b!.ips, ...b!.ips]);
      } finally {
        process.kill(router, 'SIGCONT');
      }
      await waitUntil('drops of the socket', SHOWN_WITHIN_MS, async () => {
        const { drops } = await b!.node.api.status();
        return (drops['socketQueueFull'] ?? 0) > 0;
      });
    },
    TEST_TIMEOUT_MS,
  );
});
