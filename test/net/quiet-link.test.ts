/** The first ping on a link on which nothing was heard for some seconds (ADR 0048). Needs root and a build. */
import { describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { Pod } from '../../deploy/demo/cluster/cluster.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { UNDERLAY_PORT } from '../../deploy/demo/cluster/plan.js';
import { signal } from '../../deploy/demo/machine/processes.js';
import { onlyProcess, useCluster } from './cluster-fixture.js';

const TEST_TIMEOUT_MS = 60_000;
/** The router keeps frames after 2 s of silence, and the agents find another way by themselves after 4 s. */
const SILENT_MS = 2_500;
const RETURNS_WITHIN_MS = 20_000;
const NAT_PORT = 20_785;
const TABLE = 'test_quiet';

async function filter(node: DemoNode, chains: string): Promise<void> {
  const table = `table inet ${TABLE} {\n${chains}\n}\n`;
  await node.namespace.run('nft', ['-f', '-'], `table inet ${TABLE}\ndelete table inet ${TABLE}\n${table}`);
}

/** One ping, which is answered within the time that a frame may wait. */
async function ping(from: Pod, to: Pod): Promise<boolean> {
  try {
    await from.namespace.run('ping', ['-n', '-c', '1', '-W', '4', to.ips[0]!]);
    return true;
  } catch {
    return false;
  }
}

describe('the first ping after a silence', () => {
  const lab = useCluster({ nodes: 3, podsPerNode: 1 });

  it(
    'arrives when a NAT has given the node another port, of which nobody has heard yet',
    async () => {
      const [a, b] = lab.get().pods as [Pod, Pod];
      expect(await ping(a, b)).toBe(true);
      // Links of three nodes are always probed by their agents; without them they are as quiet as those of many nodes.
      const agents = [a, b].map(({ node }) => onlyProcess(node, 'agent'));
      for (const agent of agents) signal(agent, 'SIGSTOP');
      await filter(
        b.node,
        `chain in { type filter hook prerouting priority -300
          udp dport ${UNDERLAY_PORT} drop
          udp dport ${NAT_PORT} udp dport set ${UNDERLAY_PORT}
        }
        chain out { type filter hook output priority -300
          udp sport ${UNDERLAY_PORT} udp sport set ${NAT_PORT}
        }`,
      );
      await delay(SILENT_MS);
      const answered = ping(a, b);
      await delay(500);
      for (const agent of agents) signal(agent, 'SIGCONT');
      expect(await answered).toBe(true);
      await filter(b.node, '');
      await waitUntil('the path to the port of before', RETURNS_WITHIN_MS, () => ping(a, b));
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'arrives through a third node when the path is gone',
    async () => {
      const [a, b] = lab.get().pods as [Pod, Pod];
      for (const [node, from] of [
        [a.node, b.node],
        [b.node, a.node],
      ] as const) {
        const { underlayV4, underlayV6 } = from.plan;
        const drops = [`ip saddr ${underlayV4}`, `ip6 saddr ${underlayV6}`].map(
          (source) => `${source} udp dport ${UNDERLAY_PORT} drop`,
        );
        await filter(node, `chain in { type filter hook input priority -300\n${drops.join('\n')}\n}`);
      }
      await delay(SILENT_MS);
      expect(await ping(a, b)).toBe(true);
      for (const { node } of [a, b]) await filter(node, '');
    },
    TEST_TIMEOUT_MS,
  );
});
