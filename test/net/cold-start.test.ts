/**
 * All nodes of a cluster start at once with nothing but what is on their disks: every underlay address has changed but that of one
 * node, which is no seed. Needs root and a build.
 */
import { describe, it } from '@jest/globals';
import { join } from 'node:path';
import { AdvertCache } from '../../agent/control-plane/advert-cache.js';
import { systemClock } from '../../common/clock.js';
import { silentLogger } from '../../common/log.js';
import { systemDisk } from '../../common/storage/disk.js';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { OUTSIDE, UNDERLAY_PREFIX_V4, UNDERLAY_PREFIX_V6 } from '../../deploy/demo/cluster/plan.js';
import { NODE_INTERFACE } from '../../deploy/demo/cluster/underlay.js';
import { expectAllReachable, useCluster } from './cluster-fixture.js';

const TEST_TIMEOUT_MS = 180_000;
/** On a busy machine. */
const LINKED_WITHIN_MS = 90_000;
const REMEMBERED_WITHIN_MS = 30_000;
/** Of the last byte of an address, for each move. */
const STEP = 20;

/** The addresses it has before the first move, and after each. */
async function moveNode({ namespace, plan }: DemoNode, move: number): Promise<void> {
  const addresses = (moves: number) => [
    `192.168.99.${plan.index + moves * STEP}/${UNDERLAY_PREFIX_V4}`,
    `fd99::${(plan.index + moves * STEP).toString(16)}/${UNDERLAY_PREFIX_V6}`,
  ];
  for (const address of addresses(move - 1)) await namespace.ip('address', 'del', address, 'dev', NODE_INTERFACE);
  for (const address of addresses(move)) {
    const flags = address.includes(':') ? ['nodad'] : [];
    await namespace.ip('address', 'add', address, 'dev', NODE_INTERFACE, ...flags);
  }
  for (const via of [OUTSIDE.underlayV4, OUTSIDE.underlayV6])
    await namespace.ip('route', 'replace', 'default', 'via', via);
}

/** Until all members are on the disk of the node: the agent writes a second after a change. */
async function waitRemembered(node: DemoNode, count: number): Promise<void> {
  const path = join(node.stateDir, 'adverts.json');
  await waitUntil(`${count} members on the disk of ${node.name}`, REMEMBERED_WITHIN_MS, async () => {
    const cache = new AdvertCache({ disk: systemDisk, path, clock: systemClock, log: silentLogger() });
    return (await cache.load()).adverts.length === count;
  });
}

describe('a cluster of which no seed answers any more', () => {
  const cluster = useCluster({ nodes: 4, podsPerNode: 1, listenAddress: '' });

  it.each([
    ['lost power', 1, (node: DemoNode) => node.crash()],
    ['was shut down', 2, (node: DemoNode) => node.stop()],
  ])(
    'finds itself again from the disks when it %s and every address but one has changed, and pods talk',
    async (_, move, end) => {
      const { nodes } = cluster.get();
      await Promise.all(nodes.map((node) => waitRemembered(node, nodes.length)));
      await Promise.all(nodes.map(end));
      // The seeds of all are the first two.
      const moved = nodes.filter(({ plan }) => plan.index !== 3);
      for (const node of moved) await moveNode(node, move);
      for (const node of nodes) node.start();
      await cluster.get().waitLinks(LINKED_WITHIN_MS);
      await Promise.all(nodes.map((node) => node.waitReady()));
      await expectAllReachable(cluster.get());
    },
    TEST_TIMEOUT_MS,
  );
});
