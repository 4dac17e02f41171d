import { describe, expect, it } from '@jest/globals';
import { TYPE_INITIATION } from '../common/wire/datagram-header.js';
import { neighboursAmong } from './cluster/rings.js';
import { CONNECT_WITHIN_MS, NEIGHBOURS, QUIET_AFTER_MS } from './limits.js';
import type { SimFrame } from './testing/packet.js';
import type { SimNetwork } from './testing/sim-network.js';
import type { SimNode } from './testing/sim-node.js';
import { simulation } from './testing/simulation.js';
import { readAdvert, signAdvert } from './wire/advert.js';
import { encodeControl } from './wire/control-message.js';
import { signDeathReport } from './wire/death-report.js';

const SIZE = 24;

function count(node: SimNode, state: string): number {
  return [...node.linkStates().values()].filter((other) => other === state).length;
}

/** All know all, with the routes of all. */
function isKnownToAll(nodes: readonly SimNode[]): boolean {
  return nodes.every((node) => node.usableRoutes().length === 2 * nodes.length);
}

/** Looks every 100 ms: the condition costs more than an event. Gives the time it took, or Infinity. */
function runUntil(network: SimNetwork, condition: () => boolean, limitMs: number): number {
  const startMs = network.nowMs;
  while (!condition()) {
    if (network.nowMs - startMs >= limitMs) return Infinity;
    network.run(100);
  }
  return network.nowMs - startMs;
}

function knownSimulation(seed: number, body: (network: SimNetwork, nodes: readonly SimNode[]) => void) {
  return simulation(seed, (network) => {
    const nodes = network.startCluster(SIZE);
    expect(runUntil(network, () => isKnownToAll(nodes), 20_000)).toBeLessThan(2_000);
    network.run(5_000);
    body(network, nodes);
  });
}

function sendFrame(network: SimNetwork, from: SimNode, to: SimNode): SimFrame {
  const frame: SimFrame = { sizeBytes: 200, sentMs: network.nowMs, state: 'waiting', endedMs: null };
  const cidr = to.podCidrs[0]!;
  from.router!.sendFrame(to.id, frame, from.usableRoutes().includes(cidr), network.nowMs);
  return frame;
}

/** A member tells all that it is linked to that an observer heard nothing of the victim. */
function lie(
  sender: SimNode,
  { identity }: SimNode,
  victim: SimNode,
  nodes: readonly SimNode[],
  signature: Uint8Array | null = null,
): void {
  const advert = victim.mesh!.adverts().map((bytes) => readAdvert(bytes).advert)[0]!;
  const report = signDeathReport(identity, victim.id, advert.revision);
  const reports = [signature === null ? report : { ...report, signature }];
  const bytes = encodeControl({ type: 'deaths', reports });
  for (const { id } of nodes) sender.router!.apply({ type: 'sendControl', peer: id, bytes }, 0);
}

/** It says goodbye, which the others have heard when the next one goes. */
function shutDown(network: SimNetwork, node: SimNode): void {
  node.handle({ type: 'stop' });
  network.run(100);
  node.kill();
}

/** Two nodes without a link. */
function strangersAmong(nodes: readonly SimNode[]): readonly [SimNode, SimNode] {
  const a = nodes[1]!;
  return [a, nodes.find((node) => node !== a && a.stateOf(node) === 'idle')!];
}

describe('a mesh of more members than neighbours', () => {
  it(
    'is known to all, linked to few, and takes in a node that joins by any of them',
    knownSimulation(1, (network, nodes) => {
      for (const a of nodes.slice(1)) {
        expect(count(a, 'up')).toBeGreaterThan(NEIGHBOURS / 2);
        expect(count(a, 'up') + count(a, 'idle')).toBe(SIZE - 1);
        for (const b of nodes) if (a !== b) expect(a.stateOf(b)).toBe(b.stateOf(a));
      }
      const fresh = network.addNode();
      fresh.start([nodes[7]!]);
      expect(runUntil(network, () => isKnownToAll([...nodes, fresh]), 20_000)).toBeLessThan(2_000);
      const frame = sendFrame(network, nodes[20]!, fresh);
      network.run(100);
      expect(frame.state).toBe('arrived');
      const went = nodes.flatMap(({ notices }) => notices.filter(({ message }) => message === 'link is down'));
      expect(went).toEqual([]);
      const [dead, others] = [nodes[5]!, nodes.filter((node) => node !== nodes[5])];
      const stranger = others.find((node) => node.stateOf(dead) === 'idle')!;
      dead.kill();
      expect(runUntil(network, () => others.every((node) => node.stateOf(dead) === 'down'), 20_000)).toBeLessThan(
        10_000,
      );
      expect(sendFrame(network, stranger, dead).state).toBe('refused');
      const [leaving, staying] = [nodes[6]!, others.filter((node) => node !== nodes[6])];
      leaving.handle({ type: 'stop' });
      const isKnown = (): boolean => staying.every((node) => node.stateOf(leaving) === 'down');
      expect(runUntil(network, isKnown, 10_000)).toBeLessThan(1_000);
    }),
  );

  it(
    'does not believe one member that reports a living one dead; two of its neighbours are refuted and believed no longer',
    knownSimulation(9, (network, nodes) => {
      const [observer, victim] = strangersAmong(nodes);
      const neighbours = neighboursAmong(victim.id, () => nodes.map(({ id }) => id));
      // What they say is at the observer one way later; that the victim lives, three.
      const liars = nodes.filter((node) => neighbours.has(node.id) && observer.stateOf(node) === 'up').slice(0, 2);
      const isDown = (): boolean => observer.stateOf(victim) === 'down';
      lie(liars[0]!, liars[0]!, victim, nodes);
      lie(liars[0]!, liars[1]!, victim, nodes, new Uint8Array(64));
      expect(network.runUntil(isDown, 5_000)).toBe(Infinity);
      expect(nodes.some(({ mesh }) => (mesh!.counters()['badDeathReport'] ?? 0) > 0)).toBe(true);
      for (const liar of liars) lie(liar, liar, victim, nodes);
      expect(network.runUntil(isDown, 1_000)).toBeLessThan(100);
      expect(network.runUntil(() => !isDown(), 2_000)).toBeLessThan(500);
      expect(observer.notices.map(({ message }) => message)).toContain(
        'a node that two of its neighbours reported dead is alive',
      );
      for (const liar of liars) lie(liar, liar, victim, nodes);
      expect(network.runUntil(isDown, 2_000)).toBe(Infinity);
    }),
  );

  it(
    'makes a link for the first frame, which arrives, and finds the peer dead while frames are sent to it',
    knownSimulation(3, (network, nodes) => {
      const [a, b] = strangersAmong(nodes);
      const before = network.captured.length;
      const frames = [sendFrame(network, a, b), sendFrame(network, a, b)];
      network.run(50);
      expect(frames.map(({ state }) => state)).toEqual(['arrived', 'arrived']);
      // Two round trips until the peer uses the session, and the way of the frame: 3 ms at most each way.
      expect(frames[0]!.endedMs! - frames[0]!.sentMs).toBeLessThan(15.1);
      expect([a.stateOf(b), b.stateOf(a)]).toEqual(['up', 'up']);
      const initiations = network.captured.slice(before).filter(({ bytes }) => bytes[0] === TYPE_INITIATION);
      expect(initiations).toHaveLength(1);
      network.run(2 * QUIET_AFTER_MS);
      expect([a.stateOf(b), b.stateOf(a)]).toEqual(['up', 'up']);
      b.kill();
      const startMs = network.nowMs;
      while (a.stateOf(b) !== 'down' && network.nowMs - startMs < 20_000) {
        sendFrame(network, a, b);
        network.run(100);
      }
      expect(network.nowMs - startMs).toBeLessThan(7_500);
      expect(sendFrame(network, a, b).state).toBe('refused');
      b.start([nodes[3]!]);
      network.run(8_000);
      const frame = sendFrame(network, a, b);
      network.run(100);
      expect(frame.state).toBe('arrived');
    }),
  );

  it(
    'makes quiet links of a node anew that learns of a clone, with which the peers may have replaced their sessions',
    knownSimulation(9, (network, nodes) => {
      const [a, b] = strangersAmong(nodes);
      sendFrame(network, a, b);
      network.run(2 * QUIET_AFTER_MS);
      expect(a.stateOf(b)).toBe('up');
      const { revision } = readAdvert(a.mesh!.adverts()[0]!).advert;
      const stamp = { createdAtMs: 1, revision: revision + 1, incarnation: 7, lowestStamp: 0 };
      const bytes = encodeControl({ type: 'adverts', adverts: [signAdvert(a.identity, a.self, stamp).bytes] });
      const neighbour = nodes.find((node) => node !== b && node.stateOf(a) === 'up')!;
      neighbour.router!.apply({ type: 'sendControl', peer: a.id, bytes }, 0);
      network.run(50);
      expect([a.stateOf(b), b.stateOf(a)]).toEqual(['idle', 'idle']);
      const frame = sendFrame(network, a, b);
      network.run(50);
      expect(frame.state).toBe('arrived');
    }),
  );

  it(
    'makes a link to a second seed that it knows as a member, later and without a place for strangers',
    simulation(9, (network) => {
      const nodes = Array.from({ length: SIZE }, () => network.addNode());
      const seeds = nodes.slice(0, 3);
      for (const node of nodes) node.start(seeds.filter((seed) => seed !== node));
      expect(runUntil(network, () => isKnownToAll(nodes), 20_000)).toBeLessThan(2_000);
      const late = network.addNode();
      network.paths.changeBetween([late], seeds.slice(1), { isBlocked: true });
      late.start(seeds);
      network.run(500);
      const isDialled = late.mesh!.seeds().map(({ member, attempts }) => member === null && attempts > 0);
      expect(isDialled).toEqual([false, false, false]);
      network.paths.changeAll({ isBlocked: false });
      network.run(2 * CONNECT_WITHIN_MS);
      for (const { mesh } of network.nodes) for (const { member } of mesh!.seeds()) expect(member).not.toBe(null);
    }),
  );

  it(
    'finds its neighbours when it knows most members: at a start few links are to nodes that are none in the end',
    simulation(10, (network) => {
      const nodes = Array.from({ length: 4 * SIZE }, () => network.addNode());
      // Each has three seeds of its own.
      const seedsOf = (i: number): SimNode[] =>
        [i + 1, 3 * i + 7, 5 * i + 31].map((seed) => nodes[seed % nodes.length]!);
      nodes.forEach((node, i) => node.start(seedsOf(i).filter((seed) => seed !== node)));
      expect(runUntil(network, () => isKnownToAll(nodes), 20_000)).toBeLessThan(4_000);
      network.run(2_000);
      const links = nodes.reduce((sum, { router }) => sum + router!.active.size, 0) / 2;
      const pairs = (nodes.length * NEIGHBOURS) / 2;
      expect(links).toBeLessThan(1.5 * pairs);
    }),
  );

  it(
    'keeps state beside the advert only of members that it has a link with, or tries to have',
    knownSimulation(8, (network, nodes) => {
      network.run(QUIET_AFTER_MS);
      const source = nodes.find((node) => count(node, 'idle') > 0)!;
      const target = nodes.find((node) => source.stateOf(node) === 'idle')!;
      const linked = source.linkedMembers().filter(({ state }) => state !== 'idle').length;
      const before = source.linkedMembers().map(({ id }) => id);
      expect([before.length, source.members().length]).toEqual([linked, SIZE - 1]);
      expect(before).not.toContain(target.id);
      sendFrame(network, source, target);
      expect(source.linkedMembers().map(({ id }) => id)).toContain(target.id);
    }),
  );

  it(
    'has one piece again after it was divided in halves',
    knownSimulation(6, (network, nodes) => {
      const [left, right] = [nodes.slice(0, SIZE / 2), nodes.slice(SIZE / 2)];
      network.paths.changeBetween(left, right, { isBlocked: true });
      network.run(30_000);
      network.paths.changeAll({ isBlocked: false });
      network.run(10_000);
      const frames = left.map((node, i) => sendFrame(network, node, right[i]!));
      network.run(200);
      expect(frames.filter(({ state }) => state !== 'arrived')).toEqual([]);
    }),
  );

  it.each([
    ['lost power', (_: SimNetwork, node: SimNode) => node.kill()],
    ['was shut down, first the one that keeps its address,', shutDown],
  ])('comes back from the disk alone when it %s and every address changed but one', (_, end) =>
    knownSimulation(7, (network, nodes) => {
      for (const node of nodes) end(network, node);
      nodes.slice(1).forEach((node, i) => node.moveTo(100 + i));
      for (const node of nodes) node.start();
      const isBack = (): boolean => nodes.every((node) => count(node, 'up') >= NEIGHBOURS / 2);
      expect(runUntil(network, isBack, 60_000)).toBeLessThan(40_000);
    })(),
  );
});
