import { describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import { pingAll, reportPings } from '../../deploy/demo/checks/index.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { planNode, UNDERLAY_PORT } from '../../deploy/demo/cluster/plan.js';
import { expectAllReachable, meshctl, onlyProcess, useCluster } from './cluster-fixture.js';

const TEST_TIMEOUT_MS = 60_000;
const GARBAGE_DATAGRAMS = 60_000;
/** Growth allowed for the JIT and the heap. A leak of every datagram would be more than 60 MB. */
const MAX_GROWTH_KIB = 32 << 10;
/** On a busy machine. */
const START_WITHIN_MS = 30_000;
/** Time in which several handshakes are tried. A link between members takes a fraction of a second. */
const JOIN_ATTEMPTS_MS = 6000;

function residentKib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

describe('a cluster with hostile neighbours on the underlay', () => {
  const cluster = useCluster({ nodes: 2, podsPerNode: 1 });

  it(
    'survives a flood of garbage on its port without growing',
    async () => {
      const victim = cluster.get().nodes[0]!;
      const router = onlyProcess(victim, 'router');
      const agent = onlyProcess(victim, 'agent');
      const flood = (count: number): Promise<string> => {
        const args = [resolve('test/net/garbage.mjs'), victim.plan.underlayV4, `${UNDERLAY_PORT}`, `${count}`];
        return cluster.get().underlay.outside.run(process.execPath, args);
      };
      await flood(GARBAGE_DATAGRAMS / 4);
      const before = { router: residentKib(router), agent: residentKib(agent) };
      await flood(GARBAGE_DATAGRAMS);
      expect(residentKib(router) - before.router).toBeLessThan(MAX_GROWTH_KIB);
      expect(residentKib(agent) - before.agent).toBeLessThan(MAX_GROWTH_KIB);
      expect(onlyProcess(victim, 'router')).toBe(router);
      expect(onlyProcess(victim, 'agent')).toBe(agent);
      await expectAllReachable(cluster.get());
    },
    TEST_TIMEOUT_MS,
  );

  it('counts dropped datagrams by reason', async () => {
    const { drops } = await cluster.get().nodes[0]!.api.status();
    expect(Object.values(drops).reduce((sum, n) => sum + n, 0)).toBeGreaterThan(GARBAGE_DATAGRAMS / 10);
  });

  it(
    'never lets a node join that has another secret',
    async () => {
      const stranger = await cluster.get().addNode(undefined, randomBytes(32).toString('hex'));
      stranger.start();
      await waitUntil('the agent of the stranger', START_WITHIN_MS, () => stranger.api.status());
      const members = cluster.get().nodes.slice(0, 2);
      await delay(JOIN_ATTEMPTS_MS);
      for (const node of members) {
        expect((await node.api.peers()).map(({ name }) => name)).not.toContain(stranger.name);
      }
      expect((await stranger.api.peers()).filter(({ state }) => state === 'up')).toEqual([]);
      await stranger.stop();
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'leaves the pods to their nodes and names the member that claims all their addresses',
    async () => {
      const [first, second] = cluster.get().nodes as [DemoNode, DemoNode];
      const { families, clusterCidrs } = cluster.get().plan;
      const plan = { ...planNode(cluster.get().nodes.length + 1, families), podCidrs: clusterCidrs };
      const liar = await cluster.get().addNode(plan);
      liar.start();
      await liar.waitLinks([first.name, second.name], START_WITHIN_MS);
      for (const node of [first, second]) {
        const isNamed = (): boolean =>
          readFileSync(node.logFile, 'utf8')
            .split('\n')
            .some(
              (line) => line.includes('claim the same pod addresses') && line.includes(`"loserName":"${liar.name}"`),
            );
        await waitUntil(`the log of ${node.name} names ${liar.name}`, START_WITHIN_MS, () =>
          Promise.resolve(isNamed()),
        );
        const owners = (await meshctl(node, 'routes')).split('\n').map((line) => line.trim().split(/\s+/)[1]);
        expect(owners).not.toContain(liar.name);
      }
      const pods = cluster.get().pods.map(({ name }) => name);
      const results = (await pingAll(cluster.get())).filter(({ from }) => pods.includes(from));
      expect(reportPings(results).problems).toEqual([]);
      await liar.stop();
    },
    TEST_TIMEOUT_MS,
  );
});
