/** A router or an agent that hangs: it is stopped by a signal that it cannot catch. Needs root and a build. */
import { describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { NetworkNamespace } from '../../deploy/demo/machine/network-namespace.js';
import { signal } from '../../deploy/demo/machine/processes.js';
import { expectAllReachable, onlyProcess, restarted, useCluster } from './cluster-fixture.js';

const TEST_TIMEOUT_MS = 90_000;
const ANSWERED_WITHIN_MS = 45_000;
/** The supervisor asks once a second. Until its first answer a child counts as starting, for 30 s (`supervisor/watchdog.ts`). */
const FIRST_ANSWER_MS = 4_000;

async function routerCondition(node: DemoNode): Promise<string> {
  const { conditions } = await node.api.status();
  return conditions.find(({ name }) => name === 'router')?.message ?? 'no such condition';
}

describe('a process of a node that hangs', () => {
  const cluster = useCluster({ nodes: 2, podsPerNode: 1 });

  it(
    'makes the node unready and is replaced, when it is the router',
    async () => {
      const node = cluster.get().nodes[0]!;
      const router = onlyProcess(node, 'router');
      const agent = onlyProcess(node, 'agent');
      await delay(FIRST_ANSWER_MS);
      signal(router, 'SIGSTOP');
      await waitUntil('a condition that says so', 10_000, async () =>
        (await routerCondition(node)).includes('the router hangs'),
      );
      await restarted(node, 'router', router);
      await cluster.get().waitLinks();
      expect(onlyProcess(node, 'agent')).toBe(agent);
      expect(await routerCondition(node)).toBe('');
      await expectAllReachable(cluster.get());
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'is replaced when it is the agent, and the calls that waited for it are answered by the next one',
    async () => {
      const [node] = cluster.get().nodes;
      const router = onlyProcess(node!, 'router');
      const agent = onlyProcess(node!, 'agent');
      const pod = cluster.get().pods.find(({ node: owner }) => owner === node)!;
      const namespace = await NetworkNamespace.create(`${pod.namespace.name}-late`);
      const late = { name: 'pod-late', node: node!, namespace };
      signal(agent, 'SIGSTOP');
      // The executable repeats a call for 10 s. Where the next agent takes longer to start, the runtime calls again.
      const added = await waitUntil('an answer of the next agent', ANSWERED_WITHIN_MS, () =>
        cluster.get().cni('ADD', late),
      );
      expect(added.ips).not.toEqual(pod.result.ips);
      expect(onlyProcess(node!, 'agent')).not.toBe(agent);
      expect(onlyProcess(node!, 'router')).toBe(router);
      await cluster.get().waitLinks();
      await expectAllReachable(cluster.get());
      await namespace.run('ping', ['-q', '-c', '1', '-W', '2', pod.ips[0]!]);
      await cluster.get().cni('DEL', late);
    },
    TEST_TIMEOUT_MS,
  );
});
