/** A node that an operator makes no longer a member, while it lives. Needs root and a build. */
import { describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { hostCommands } from '../../common/host/command.js';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { kill } from '../../deploy/demo/machine/processes.js';
import { DIST_DIR, expectAllReachable, onlyProcess, restarted, useCluster } from './cluster-fixture.js';

const TEST_TIMEOUT_MS = 60_000;
const CUT_OFF_WITHIN_MS = 5_000;

describe('a node that is forgotten by hand', () => {
  const cluster = useCluster({ nodes: 3, podsPerNode: 1 });

  const meshctl = (node: DemoNode, ...args: string[]) =>
    hostCommands.run(process.execPath, [join(DIST_DIR, 'meshctl.js'), '--socket', node.apiSocket, ...args]);
  const knows = async (node: DemoNode, name: string) => (await node.api.peers()).some((peer) => peer.name === name);
  const isRefused = async (victim: DemoNode, others: readonly DemoNode[]) => {
    for (const node of others) if (await knows(node, victim.name)) return false;
    return true;
  };

  it(
    'is cut off from all others within 5 s, stays so when an agent restarts, and comes back when it is undone',
    async () => {
      const [first, second, victim] = cluster.get().nodes as [DemoNode, DemoNode, DemoNode];
      const [from, , to] = cluster.get().pods;
      const ping = () => from!.namespace.run('ping', ['-c', '1', '-W', '1', to!.ips[0]!]);
      expect(await meshctl(first, 'forget', victim.name)).toContain('is forgotten');
      await waitUntil('the end of its links', CUT_OFF_WITHIN_MS, () => isRefused(victim, [first, second]));
      await expect(ping()).rejects.toThrow();
      expect(await meshctl(second, 'status')).toMatch(new RegExp(`${victim.name} +\\w+ +${first.name}`));

      const agent = onlyProcess(second, 'agent');
      await kill([agent]);
      await restarted(second, 'agent', agent);
      // An agent that is killed within a second of a revocation has not written it yet; a peer repeats it.
      await waitUntil('the end of its links after a restart', CUT_OFF_WITHIN_MS, () =>
        isRefused(victim, [first, second]),
      );

      expect(await meshctl(second, 'forget', '--undo', victim.name)).toContain('may link again');
      await cluster.get().waitLinks();
      await expectAllReachable(cluster.get());
    },
    TEST_TIMEOUT_MS,
  );
});
