/** How much traffic the restart of a router or of a supervisor costs. Needs root and a build. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import { Cluster } from '../../deploy/demo/cluster/cluster.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { parentOf, signal, waitUntilGone } from '../../deploy/demo/machine/processes.js';
import { DIST_DIR, onlyProcess, restarted } from './cluster-fixture.js';
import { restartWithDeadMembers } from './dead-members.js';
import { openDescriptors } from './open-descriptors.js';
import { startStream } from './pod-stream.js';
import { gapAround } from './traffic-gap.js';

const TEST_TIMEOUT_MS = 120_000;
const DEAD_MEMBERS = 1000;
/** On a busy machine; `npm run bench:restart` measures. */
const LOST_MS = 5_000;
/** A hello that waits for the router's next report comes a second late, whatever else the machine does. */
const CONNECTED_WITHIN_MS = 750;
/** Until the agent that was started last has its router, on a busy machine. */
const READY_WITHIN_MS = 10_000;
/** Longer than a process needs to notice that its supervisor is gone. */
const WITHOUT_SUPERVISOR_MS = 5_000;

describe(`two nodes, one of which knows ${DEAD_MEMBERS} dead members`, () => {
  const cluster = new Cluster({ nodes: 2, podsPerNode: 1, distDir: DIST_DIR });
  beforeAll(async () => {
    await cluster.open();
    await restartWithDeadMembers(cluster.nodes[0]!, DEAD_MEMBERS);
    await cluster.waitLinks();
  }, 120_000);
  afterAll(async () => {
    expect(await cluster.close()).toEqual([]);
  }, 20_000);

  it(
    'connect a new router to the agent as soon as it forwards, so that traffic returns',
    async () => {
      const [from, to] = cluster.pods;
      const { node } = from!;
      const router = onlyProcess(node, 'router');
      const { lengthMs } = await gapAround(from!, to!, () => {
        signal(router, 'SIGKILL');
        return restarted(node, 'router', router);
      });
      const waitedMs = lastLogged(node, 'connected to the router') - lastLogged(node, 'router is forwarding');
      expect(waitedMs).toBeLessThan(CONNECTED_WITHIN_MS);
      expect(lengthMs).toBeLessThan(LOST_MS);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'forward without a supervisor until the next one replaces the router, so that traffic returns',
    async () => {
      const [from, to] = cluster.pods;
      const { node } = from!;
      const router = onlyProcess(node, 'router');
      const sockets = udpInodes(router);
      const { lengthMs } = await gapAround(from!, to!, async () => {
        signal(onlyProcess(node, 'supervisor'), 'SIGKILL');
        await delay(WITHOUT_SUPERVISOR_MS);
        expect(onlyProcess(node, 'router')).toBe(router);
        node.start();
        return restarted(node, 'router', router);
      });
      expect(lengthMs).toBeLessThan(LOST_MS);
      // Taken from the router that forwarded until another one had loaded with them.
      expect(udpInodes(onlyProcess(node, 'router'))).toEqual(sockets);
      expect(sockets).not.toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'hand over to the next meshd beside them, and take the node back when that one ends',
    async () => {
      const [from, to] = cluster.pods;
      const { node } = from!;
      const former = onlyProcess(node, 'supervisor');
      const router = onlyProcess(node, 'router');
      const sockets = udpInodes(router);
      const connection = await startStream(from!, to!);
      const taken = sessionsTakenOver(node);
      const { lengthMs } = await gapAround(from!, to!, () => {
        node.start(['--take-over']);
        return restarted(node, 'router', router);
      });
      expect(lengthMs).toBeLessThan(LOST_MS);
      expect(sessionsTakenOver(node)).toBeGreaterThan(taken);
      const next = onlyProcess(node, 'router');
      expect(udpInodes(next)).toEqual(sockets);
      expect(parentOf(next)).not.toBe(former);
      // The former one waits, and serves again.
      const successor = parentOf(next);
      signal(successor, 'SIGTERM');
      await restarted(node, 'router', next);
      expect(parentOf(onlyProcess(node, 'router'))).toBe(former);
      expect(await connection.echo()).toBe('echo');
      // Its end does not touch what the next one serves.
      const again = onlyProcess(node, 'router');
      node.start(['--take-over']);
      const last = await restarted(node, 'router', again);
      signal(former, 'SIGTERM');
      await waitUntilGone([former], 10_000);
      expect(onlyProcess(node, 'router')).toBe(last);
      await waitUntil('the node is ready', READY_WITHIN_MS, async () => (await node.api.status()).ready);
      expect(await connection.echo()).toBe('echo');
      connection.close();
    },
    TEST_TIMEOUT_MS,
  );
});

function udpInodes(pid: number): readonly string[] {
  const held = new Set(openDescriptors(pid).flatMap(({ what, target }) => (what.startsWith('udp ') ? [target] : [])));
  return [...held].sort();
}

/** How many sessions routers got from the router before, in the whole life of the node. */
function sessionsTakenOver(node: DemoNode): number {
  const lines = readFileSync(node.logFile, 'utf8').trim().split('\n');
  const taken = lines
    .map((line) => JSON.parse(line) as { msg: string; sessions?: number })
    .filter(({ msg }) => msg === 'sessions of the router before are taken over');
  return taken.reduce((total, { sessions = 0 }) => total + sessions, 0);
}

/** Wall-clock milliseconds of the last line with this message in the node's log. */
function lastLogged(node: DemoNode, message: string): number {
  const lines = readFileSync(node.logFile, 'utf8').trim().split('\n');
  const found = lines
    .map((line) => JSON.parse(line) as { time: string; msg: string })
    .findLast(({ msg }) => msg === message);
  return Date.parse(found?.time ?? '');
}
