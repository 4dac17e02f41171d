/** How much traffic the restart of a router or of a supervisor costs. Needs root and a build. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { systemRandom } from '../../agent/control-plane/system-random.js';
import { AdvertCache } from '../../agent/control-plane/advert-cache.js';
import { systemClock } from '../../common/clock.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import { silentLogger } from '../../common/log.js';
import { systemDisk } from '../../common/storage/disk.js';
import { Cluster } from '../../deploy/demo/cluster/cluster.js';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { signal } from '../../deploy/demo/machine/processes.js';
import { signAdvert } from '../../mesh/wire/advert.js';
import { generateIdentity } from '../../mesh/wire/identity.js';
import { DIST_DIR, onlyProcess, restarted } from './cluster-fixture.js';
import { gapAround } from './traffic-gap.js';

const TEST_TIMEOUT_MS = 120_000;
const DEAD_MEMBERS = 1000;
/** What is aimed at. */
const ROUTER_LOST_MS = 500;
const SUPERVISOR_LOST_MS = 1_000;
const TOLERANCE = 1.5;
/** A hello that waits for the router's next report comes a second late, whatever else the machine does. */
const CONNECTED_WITHIN_MS = 750;
/** Longer than a process needs to notice that its supervisor is gone. */
const WITHOUT_SUPERVISOR_MS = 5_000;

/** Adverts of members at addresses that nobody has. */
function deadMembers(): Uint8Array[] {
  const atMs = Date.now();
  return Array.from({ length: DEAD_MEMBERS }, (_, i) => {
    const endpoints = [{ ip: parseIpAddress(`192.168.99.${100 + (i % 100)}`), port: 7000 + i }];
    const self = { name: `dead-${i}`, version: '0.1.0', endpoints, podCidrs: [] };
    const stamp = { createdAtMs: atMs, revision: atMs, incarnation: i + 1, lowestStamp: 0 };
    return signAdvert(generateIdentity(systemRandom), self, stamp).bytes;
  });
}

describe(`two nodes, one of which knows ${DEAD_MEMBERS} dead members`, () => {
  const cluster = new Cluster({ nodes: 2, podsPerNode: 1, distDir: DIST_DIR });
  beforeAll(async () => {
    await cluster.open();
    const node = cluster.nodes[0]!;
    await node.stop();
    const path = join(node.stateDir, 'adverts.json');
    const cache = new AdvertCache({ disk: systemDisk, path, clock: systemClock, log: silentLogger() });
    const dead = deadMembers();
    const known = await cache.load();
    cache.changed(() => ({ ...known, adverts: [...known.adverts, ...dead] }));
    await cache.flush();
    node.start();
    await node.waitReady();
    await cluster.waitLinks();
    await waitUntil('the death of the dead members', 40_000, async () => {
      const peers = await node.api.peers();
      return peers.filter(({ state }) => state === 'down').length >= DEAD_MEMBERS;
    });
  }, 120_000);
  afterAll(async () => {
    expect(await cluster.close()).toEqual([]);
  }, 20_000);

  it(
    'connect a new router to the agent as soon as it forwards, so that traffic is lost for half a second',
    async () => {
      const [from, to] = cluster.pods;
      const { node } = from!;
      const router = onlyProcess(node, 'router');
      const lostMs = await gapAround(from!, to!, () => {
        signal(router, 'SIGKILL');
        return restarted(node, 'router', router);
      });
      const waitedMs = lastLogged(node, 'connected to the router') - lastLogged(node, 'router is forwarding');
      expect(waitedMs).toBeLessThan(CONNECTED_WITHIN_MS);
      expectLoss(lostMs, ROUTER_LOST_MS);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'forward without a supervisor until the next one replaces the router, so that traffic is lost for a second',
    async () => {
      const [from, to] = cluster.pods;
      const { node } = from!;
      const router = onlyProcess(node, 'router');
      const lostMs = await gapAround(from!, to!, async () => {
        signal(onlyProcess(node, 'supervisor'), 'SIGKILL');
        await delay(WITHOUT_SUPERVISOR_MS);
        expect(onlyProcess(node, 'router')).toBe(router);
        node.start();
        return restarted(node, 'router', router);
      });
      expectLoss(lostMs, SUPERVISOR_LOST_MS);
    },
    TEST_TIMEOUT_MS,
  );
});

/** On a machine with other work, processes wait for a processor, and the time says nothing about them. */
function expectLoss(lostMs: number, targetMs: number): void {
  const [load = 0] = loadavg();
  if (load > availableParallelism()) {
    process.stderr.write(
      `skipped: ${lostMs.toFixed()} ms were lost, and the machine is busy (load ${load.toFixed(1)})\n`,
    );
  } else {
    expect(lostMs).toBeLessThan(targetMs * TOLERANCE);
  }
}

/** Wall-clock milliseconds of the last line with this message in the node's log. */
function lastLogged(node: DemoNode, message: string): number {
  const lines = readFileSync(node.logFile, 'utf8').trim().split('\n');
  const found = lines
    .map((line) => JSON.parse(line) as { time: string; msg: string })
    .findLast(({ msg }) => msg === message);
  return Date.parse(found?.time ?? '');
}
