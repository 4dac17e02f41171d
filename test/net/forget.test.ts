/** A node that an operator makes no longer a member, while it lives: by a command, or by a list of keys. Needs root and a build. */
import { describe, expect, it } from '@jest/globals';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { kill } from '../../deploy/demo/machine/processes.js';
import { expectAllReachable, meshctl, onlyProcess, restarted, useCluster } from './cluster-fixture.js';

const TEST_TIMEOUT_MS = 120_000;
const CUT_OFF_WITHIN_MS = 5_000;

describe('a node that is to be no member any more', () => {
  const cluster = useCluster({ nodes: 3, podsPerNode: 1 });

  const knows = async (node: DemoNode, name: string) => (await node.api.peers()).some((peer) => peer.name === name);
  const isRefused = async (victim: DemoNode, others: readonly DemoNode[]) => {
    for (const node of others) if (await knows(node, victim.name)) return false;
    return true;
  };

  it(
    'by `meshctl forget` is cut off from all others within 5 s, also when an agent restarts, until it is undone',
    async () => {
      const [first, second, victim] = cluster.get().nodes as [DemoNode, DemoNode, DemoNode];
      const [from, , to] = cluster.get().pods;
      const ping = () => from!.namespace.run('ping', ['-c', '1', '-W', '1', to!.ips[0]!]);
      expect(await meshctl(first, 'forget', victim.name)).toContain('is forgotten');
      await waitUntil('the end of its links', CUT_OFF_WITHIN_MS, () => isRefused(victim, [first, second]));
      await expect(ping()).rejects.toThrow();
      const revocation = new RegExp(`${victim.name} +\\w+ +${first.name}`);
      expect(await meshctl(second, 'status')).toMatch(revocation);

      const agent = onlyProcess(second, 'agent');
      await kill([agent]);
      await restarted(second, 'agent', agent);
      // An agent that is killed within a second of a revocation has not written it yet; a peer repeats it.
      await waitUntil('the end of its links after a restart', CUT_OFF_WITHIN_MS, () =>
        isRefused(victim, [first, second]),
      );
      await waitUntil('what a peer repeats', CUT_OFF_WITHIN_MS, async () =>
        revocation.test(await meshctl(second, 'status')),
      );

      expect(await meshctl(second, 'forget', '--undo', victim.name)).toContain('may link again');
      await cluster.get().waitLinks();
      await expectAllReachable(cluster.get());
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'by a list of keys is cut off within 5 s of the edit, and comes back when it is listed again',
    async () => {
      const nodes = cluster.get().nodes as [DemoNode, DemoNode, DemoNode];
      const [first, second, victim] = nodes;
      const lines = await Promise.all(nodes.map((node) => meshctl(node, 'key')));
      const file = join(first.stateDir, '..', 'trusted-keys');
      writeFileSync(file, `# all nodes\n${lines.join('')}`);
      for (const node of nodes) appendFileSync(node.configFile, `trust: keys\ntrustedKeysFile: ${file}\n`);
      await Promise.all(nodes.map((node) => node.stop()));
      for (const node of nodes) node.start();
      await cluster.get().waitLinks();

      writeFileSync(file, lines.slice(0, 2).join(''));
      await waitUntil('the end of its links', CUT_OFF_WITHIN_MS, () => isRefused(victim, [first, second]));
      await first.waitLinks([second.name]);

      writeFileSync(file, `${lines.join('')}${victim.name} no key\n`);
      await waitUntil('the refusal of the list', 30_000, async () =>
        (await meshctl(first, 'status')).includes(`trustedKeysFile: ${file}:4: `),
      );
      expect(await isRefused(victim, [first, second])).toBe(true);

      writeFileSync(file, lines.join(''));
      await cluster.get().waitLinks();
      await expectAllReachable(cluster.get());
    },
    TEST_TIMEOUT_MS,
  );
});
