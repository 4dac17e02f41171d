import { describe, expect, it } from '@jest/globals';
import { parseIpAddress } from '../common/address/ip-address.js';
import { REKEY_AFTER_MS, REKEY_AFTER_UNITS } from '../common/protocol.js';
import { TYPE_CONFIRMATION, TYPE_COOKIE, TYPE_INITIATION, TYPE_RESPONSE } from '../common/wire/datagram-header.js';
import { SeededRandom } from './testing/seeded-random.js';
import { isFullMesh } from './testing/sim-node.js';
import type { SimNode } from './testing/sim-node.js';
import { convergedSimulation, simulation } from './testing/simulation.js';
import { signAdvert } from './wire/advert.js';
import { generateIdentity } from './wire/identity.js';

describe('a mesh of nodes', () => {
  it.each([2, 3, 10])('of %i converges from one seed within a second', (size) =>
    simulation(1, (network) => {
      const nodes = network.startCluster(size);
      expect(network.runUntil(() => isFullMesh(nodes), 20_000)).toBeLessThan(1_000);
      for (const node of nodes) expect(node.usableRoutes()).toHaveLength(size * 2);
      expect(network.runWhile(() => isFullMesh(nodes), 20_000)).toBe(20_000);
      for (const node of nodes) expect(node.router?.slotClashes).toEqual([]);
    })(),
  );

  it(
    'converges at 30 % loss with duplicates and reordering',
    simulation(11, (network) => {
      const nodes = network.startCluster(5);
      network.paths.changeAll({ loss: 0.3, duplication: 0.1, delayMs: 5, jitterMs: 40 });
      expect(network.runUntil(() => isFullMesh(nodes), 60_000)).toBeLessThan(60_000);
    }),
  );

  it(
    'converges over a path with a round trip longer than the first retries',
    simulation(12, (network) => {
      const nodes = network.startCluster(3);
      network.paths.changeAll({ delayMs: 400, jitterMs: 50 });
      expect(network.runUntil(() => isFullMesh(nodes), 30_000)).toBeLessThan(15_000);
    }),
  );

  it(
    'does not link to a node with another cluster secret, and writes a notice',
    simulation(3, (network) => {
      const first = network.addNode();
      const stranger = network.addNode({ clusterSecrets: [new Uint8Array(32).fill(9)] });
      first.start();
      stranger.start([first]);
      network.run(30_000);
      expect(first.stateOf(stranger)).toBe('unknown');
      expect(stranger.stateOf(first)).toBe('unknown');
      expect(first.notices.filter(({ message }) => message.includes('different cluster secret'))).toHaveLength(1);
      expect(first.mesh?.counters()['handshakeBadMac']).toBeGreaterThan(3);
      const [refused] = first.mesh!.refusedSources(network.nowMs);
      expect(refused).toMatchObject({
        from: stranger.address,
        cause: expect.stringContaining('another cluster secret'),
      });
      expect(refused!.attempts).toBeGreaterThan(3);
      expect(stranger.mesh!.seeds()).toMatchObject([{ address: first.address, member: null, answer: null }]);
      expect(stranger.mesh!.seeds()[0]!.attempts).toBeGreaterThan(3);
      expect(network.captured.every(({ from }) => from.ip === stranger.address.ip)).toBe(true);
    }),
  );

  it(
    'learns the node that responds at the address of another, and counts the response',
    convergedSimulation(2, 1, (network, nodes) => {
      const [a, b] = nodes as [SimNode, SimNode];
      const successor = network.addNode();
      successor.address = b.address;
      b.kill();
      b.moveTo(98);
      successor.start();
      expect(network.runUntil(() => isFullMesh([a, successor]), 30_000)).toBeLessThan(20_000);
      expect(a.mesh!.counters()['handshakeUnexpectedPeer']).toBeGreaterThan(0);
    }),
  );

  it(
    'takes one handshake to link two nodes',
    simulation(1, (network) => {
      const nodes = network.startCluster(2);
      network.run(5_000);
      expect(isFullMesh(nodes)).toBe(true);
      const answers = nodes.flatMap(({ mesh }) => mesh!.seeds().map(({ member, answer }) => [member, answer?.from]));
      expect(answers).toEqual([[nodes[0]!.id, nodes[0]!.address]]);
      expect(network.captured.map(({ bytes }) => bytes[0])).toEqual([
        TYPE_INITIATION,
        TYPE_COOKIE,
        TYPE_INITIATION,
        TYPE_RESPONSE,
        TYPE_CONFIRMATION,
      ]);
    }),
  );

  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'keeps one session per pair when both sides initiate at once, whatever the order (seed %i)',
    (seed) =>
      simulation(seed, (network) => {
        const nodes = [network.addNode(), network.addNode()];
        network.paths.changeAll({ jitterMs: 30, loss: seed > 4 ? 0.2 : 0 });
        nodes.forEach((node, index) => node.start([nodes[1 - index]!]));
        expect(network.runUntil(() => isFullMesh(nodes), 20_000)).toBeLessThan(20_000);
        network.paths.changeAll({ loss: 0 });
        network.run(60_000);
        expect(nodes.map((node) => node.router?.sessions.size)).toEqual([1, 1]);
        expect(isFullMesh(nodes)).toBe(true);
      })(),
  );
});

describe('a node that dies', () => {
  it(
    'is down within 10 s, loses its routes, and is linked again when it returns',
    convergedSimulation(3, 1, (network, nodes) => {
      const [a, b, c] = nodes as [SimNode, SimNode, SimNode];
      network.run(5_000);
      b.kill();
      expect(network.runUntil(() => a.stateOf(b) === 'down' && c.stateOf(b) === 'down', 20_000)).toBeLessThan(9_000);
      expect(a.usableRoutes()).toHaveLength(4);
      expect(a.mesh?.routes()).toHaveLength(6);
      network.run(60_000);
      b.start();
      expect(network.runUntil(() => isFullMesh(nodes), 20_000)).toBeLessThan(2_000);
    }),
  );

  it(
    'is linked again without cached adverts and without a seed, since the others dial it',
    convergedSimulation(3, 1, (network, nodes) => {
      nodes[1]!.kill();
      network.run(30_000);
      nodes[1]!.cachedAdverts = [];
      nodes[1]!.start();
      expect(network.runUntil(() => isFullMesh(nodes), 20_000)).toBeLessThan(8_000);
    }),
  );

  it(
    'is down at once after its goodbye',
    convergedSimulation(3, 1, (network, nodes) => {
      nodes[1]!.handle({ type: 'stop' });
      expect(network.runUntil(() => nodes[0]!.stateOf(nodes[1]!) === 'down', 5_000)).toBeLessThan(100);
      const view = nodes[0]!.mesh?.members(network.nowMs).find(({ id }) => id === nodes[1]!.id);
      expect(view?.reason).toBe('left');
      network.run(1_000);
      expect(nodes[2]!.stateOf(nodes[1]!)).toBe('down');
    }),
  );

  it(
    'is forgotten after a day, and not learned again from an old advert',
    convergedSimulation(2, 1, (network, nodes) => {
      nodes[1]!.kill();
      nodes[1]!.mesh = null;
      const old = nodes[0]!.mesh!.adverts();
      network.paths.changeAll({ isBlocked: true });
      network.run(10_000);
      expect(nodes[0]!.mesh?.adverts()).toHaveLength(2);
      nodes[0]!.skewClock(25 * 3_600_000);
      nodes[0]!.handle({ type: 'tick' });
      network.run(25_000);
      expect(old).toHaveLength(2);
      expect(nodes[0]!.mesh?.adverts()).toHaveLength(1);
      expect(nodes[0]!.mesh?.counters()['sessionSlots']).toBe(0);
    }),
  );
});

describe('restarts', () => {
  it(
    'of the router bring all links back by new handshakes',
    convergedSimulation(4, 1, (network, nodes) => {
      network.run(5_000);
      nodes[0]!.restartRouter();
      expect(isFullMesh(nodes)).toBe(false);
      expect(network.runUntil(() => isFullMesh(nodes), 20_000)).toBeLessThan(1_000);
      network.run(40_000);
      expect(isFullMesh(nodes)).toBe(true);
      for (const node of nodes) expect(node.router?.slotClashes).toEqual([]);
    }),
  );

  it(
    'of the router dial live peers at once, and dead ones when they were due anyway',
    convergedSimulation(4, 1, (network, nodes) => {
      const [a, b, c, dead] = nodes as [SimNode, SimNode, SimNode, SimNode];
      dead.kill();
      network.run(40_000);
      expect(a.stateOf(dead)).toBe('down');
      const lines = () => network.log.text().split('\n');
      const before = lines();
      a.restartRouter();
      const dialled = lines().filter((line) => !before.includes(line) && line.includes('initiation'));
      const receivers = dialled.map((line) => Number(/-> node (\d+)/.exec(line)?.[1]));
      expect(receivers.sort()).toEqual([b.number, c.number]);
    }),
  );

  it(
    'of agent and router dial peers that had a session before members that were never met',
    convergedSimulation(3, 1, (network, nodes) => {
      const [a, b, c] = nodes as [SimNode, SimNode, SimNode];
      a.killAgent();
      a.cachedAdverts = [...neverMet(40), ...a.cachedAdverts];
      a.startAgent();
      const lines = () => network.log.text().split('\n');
      const before = lines();
      a.restartRouter();
      const dialled = lines().filter((line) => !before.includes(line) && line.includes('initiation'));
      const receivers = dialled.map((line) => Number(/-> node (\d+)/.exec(line)?.[1]));
      expect(receivers).toEqual(expect.arrayContaining([b.number, c.number]));
    }),
  );

  it(
    'of the agent keep routes usable and traffic flowing over the sessions that the router holds',
    convergedSimulation(3, 1, (network, nodes) => {
      const [a, b, c] = nodes as [SimNode, SimNode, SimNode];
      network.run(5_000);
      a.killAgent();
      const flows = () => a.reaches(b) && a.reaches(c) && b.reaches(a) && c.reaches(a);
      expect(network.runWhile(() => flows(), 30_000)).toBe(30_000);
      a.startAgent();
      expect(a.usableRoutes()).toHaveLength(6);
      expect(network.runWhile(() => flows() && a.usableRoutes().length === 6, 60_000)).toBe(60_000);
      expect(isFullMesh(nodes)).toBe(true);
      expect(a.router?.sessions.size).toBe(2);
      expect(a.router?.slotClashes).toEqual([]);
    }),
  );

  it(
    'of the agent keep the sessions until they are due, and the ages of links and handshakes',
    convergedSimulation(3, 1, (network, nodes) => {
      const [a] = nodes as [SimNode, SimNode, SimNode];
      network.run(60_000);
      const facts = () =>
        a.mesh!.members(network.nowMs).map(({ id, state, sinceMs, lastHandshakeMs, cipher }) => ({
          ...{ id, state, cipher },
          sinceMs: Math.round(sinceMs / 1000),
          lastHandshakeMs: Math.round(lastHandshakeMs! / 1000),
        }));
      const indices = () => [...a.router!.active.values()].sort();
      const before = { facts: facts(), indices: indices() };
      a.killAgent();
      network.run(2_000);
      const lines = network.log.text().split('\n');
      a.startAgent();
      expect(facts()).toEqual(before.facts);
      network.run(60_000);
      expect({ facts: facts(), indices: indices() }).toEqual(before);
      const dialled = network.log
        .text()
        .split('\n')
        .filter((line) => !lines.includes(line) && /initiation/.test(line));
      expect(dialled).toEqual([]);
      network.run(REKEY_AFTER_MS);
      expect(indices().some((index) => before.indices.includes(index))).toBe(false);
      expect(isFullMesh(nodes)).toBe(true);
    }),
  );

  it(
    'of the agent drop what the router holds for a node that is gone',
    convergedSimulation(2, 1, (network, nodes) => {
      nodes[0]!.killAgent();
      nodes[1]!.kill();
      network.run(1_000);
      nodes[0]!.cachedAdverts = [];
      nodes[0]!.startAgent();
      network.run(20_000);
      expect(nodes[0]!.router?.sessions.size).toBe(0);
      expect(nodes[0]!.mesh?.counters()['sessionSlots']).toBe(0);
    }),
  );

  it(
    'of the connection to the same router change nothing',
    convergedSimulation(3, 1, (network, nodes) => {
      nodes[0]!.handle({ type: 'routerDisconnected' });
      expect(network.runWhile(() => nodes[0]!.reaches(nodes[1]!), 20_000)).toBe(20_000);
      const before = [...nodes[0]!.router!.sessions.keys()];
      nodes[0]!.connectRouter();
      expect(network.runWhile(() => isFullMesh(nodes), 10_000)).toBe(10_000);
      expect([...nodes[0]!.router!.sessions.keys()]).toEqual(before);
    }),
  );
});

describe('keys', () => {
  it(
    'are replaced while traffic flows, and at no moment is there no session',
    convergedSimulation(3, 5, (network, nodes) => {
      network.paths.changeAll({ loss: 0.1, jitterMs: 20 });
      network.run(1_000);
      const indices = () => [...nodes[0]!.router!.active.values()];
      const before = indices();
      const pairs = nodes.flatMap((a) => nodes.filter((b) => b !== a).map((b) => [a, b] as const));
      const hasSessions = () => pairs.every(([a, b]) => a.stateOf(b) !== 'up' || a.reaches(b));
      expect(network.runWhile(hasSessions, REKEY_AFTER_MS + 60_000)).toBe(REKEY_AFTER_MS + 60_000);
      expect(indices().some((index) => before.includes(index))).toBe(false);
      network.paths.changeAll({ loss: 0 });
      network.run(60_000);
      expect(isFullMesh(nodes)).toBe(true);
      for (const node of nodes) expect(node.router?.sessions.size).toBe(2);
    }),
  );

  it(
    'are replaced when a session has sealed enough units',
    convergedSimulation(2, 1, (network, nodes) => {
      const before = [...nodes[0]!.router!.sessions.keys()];
      for (const held of nodes[0]!.router!.sessions.values()) held.unitsSent = REKEY_AFTER_UNITS;
      network.run(40_000);
      expect([...nodes[0]!.router!.sessions.keys()].some((index) => before.includes(index))).toBe(false);
      expect(isFullMesh(nodes)).toBe(true);
    }),
  );

  it(
    'are for the cipher that both prefer',
    simulation(2, (network) => {
      const [a, b, c] = [
        network.addNode(),
        network.addNode(),
        network.addNode({ cipherPreference: 'chacha20-poly1305' }),
      ];
      a.start();
      b.start([a]);
      c.start([a]);
      network.runUntil(() => isFullMesh([a, b, c]), 20_000);
      const cipherTo = (from: SimNode, to: SimNode) =>
        from.mesh!.members(network.nowMs).find(({ id }) => id === to.id)?.cipher;
      expect([cipherTo(a, b), cipherTo(b, a)]).toEqual(['aes-256-gcm', 'aes-256-gcm']);
      expect([cipherTo(a, c), cipherTo(c, a)]).toEqual(['chacha20-poly1305', 'chacha20-poly1305']);
    }),
  );
});

describe('the network between the nodes', () => {
  it(
    'may be partitioned and healed',
    convergedSimulation(4, 1, (network, nodes) => {
      network.paths.changeBetween(nodes.slice(0, 2), nodes.slice(2), { isBlocked: true });
      network.run(30_000);
      expect(nodes[0]!.stateOf(nodes[2]!)).toBe('down');
      expect(nodes[0]!.stateOf(nodes[1]!)).toBe('up');
      network.paths.changeAll({ isBlocked: false });
      expect(network.runUntil(() => isFullMesh(nodes), 20_000)).toBeLessThan(7_000);
    }),
  );

  it(
    'may be partitioned before the halves know each other, and healed',
    simulation(9, (network) => {
      const nodes = Array.from({ length: 4 }, () => network.addNode());
      network.paths.changeBetween(nodes.slice(0, 2), nodes.slice(2), { isBlocked: true });
      nodes.forEach((node, index) => node.start([nodes[(index + 1) % 4]!, nodes[(index + 2) % 4]!]));
      network.run(30_000);
      expect(nodes[0]!.stateOf(nodes[2]!)).toBe('unknown');
      network.paths.changeAll({ isBlocked: false });
      expect(network.runUntil(() => isFullMesh(nodes), 30_000)).toBeLessThan(10_000);
    }),
  );

  it(
    'may fail in one direction where nobody relays: the link goes down at both ends, and comes back',
    convergedSimulation(3, 2, (network, nodes) => {
      const [a, b, c] = nodes as [SimNode, SimNode, SimNode];
      c.knowsRelays = false;
      c.connectRouter();
      network.paths.changeOneWay(a, b, { isBlocked: true });
      expect(network.runUntil(() => a.stateOf(b) === 'down' && b.stateOf(a) === 'down', 60_000)).toBeLessThan(20_000);
      expect([a.stateOf(c), b.stateOf(c)]).toEqual(['up', 'up']);
      network.paths.changeOneWay(a, b, { isBlocked: false });
      expect(network.runUntil(() => isFullMesh(nodes), 20_000)).toBeLessThan(7_000);
    }),
  );

  it(
    'may have a path MTU of its own for each pair, and for each direction',
    simulation(6, (network) => {
      const [a, b, c] = network.startCluster(3) as [SimNode, SimNode, SimNode];
      network.paths.changeOneWay(a, b, { mtuBytes: 1420 });
      network.paths.changeBetween([a], [c], { mtuBytes: 1300 });
      network.run(10_000);
      const mtu = (from: SimNode, to: SimNode) => from.router!.paths.get(to.id)!.mtuBytes;
      expect([mtu(a, b), mtu(b, a)]).toEqual([1420, 1500]);
      expect([mtu(a, c), mtu(c, a)]).toEqual([1280, 1280]);
      expect([mtu(b, c), mtu(c, b)]).toEqual([1500, 1500]);
    }),
  );

  it(
    'may give a node a new address: its links follow without a handshake',
    convergedSimulation(3, 1, (network, nodes) => {
      network.run(3_000);
      const sessions = [...nodes[0]!.router!.sessions.keys()];
      nodes[1]!.moveTo(99);
      network.run(3_000);
      expect(isFullMesh(nodes)).toBe(true);
      expect([...nodes[0]!.router!.sessions.keys()]).toEqual(sessions);
      const view = nodes[0]!.mesh!.members(network.nowMs).find(({ id }) => id === nodes[1]!.id);
      expect(view?.endpoint?.ip).toBe('192.0.2.99');
      nodes[1]!.handle({ type: 'self', self: nodes[1]!.self });
      network.run(1_000);
      nodes[1]!.kill();
      network.run(15_000);
      nodes[1]!.start();
      expect(network.runUntil(() => isFullMesh(nodes), 10_000)).toBeLessThan(8_000);
    }),
  );

  it(
    'may have a path MTU that shrinks: it is found again in seconds',
    simulation(1, (network) => {
      const nodes = network.startCluster(2);
      network.paths.changeAll({ mtuBytes: 1420 });
      network.run(10_000);
      const mtu = () => nodes[0]!.router!.paths.get(nodes[1]!.id)!.mtuBytes;
      expect(mtu()).toBe(1420);
      network.paths.changeAll({ mtuBytes: 1300 });
      expect(network.runUntil(() => mtu() <= 1300, 60_000)).toBeLessThan(25_000);
      network.run(5_000);
      expect(mtu()).toBe(1280);
      network.paths.changeAll({ mtuBytes: 1500 });
      network.run(700_000);
      expect(mtu()).toBe(1500);
    }),
  );
});

describe('clocks', () => {
  it(
    'that stand still while the process is paused take no link down',
    convergedSimulation(3, 1, (network, nodes) => {
      const [a, b] = nodes as [SimNode, SimNode, SimNode];
      network.run(3_000);
      a.isPaused = true;
      network.run(20_000);
      a.resume();
      expect(network.runWhile(() => a.stateOf(b) === 'up', 1_000)).toBe(1_000);
      expect(isFullMesh(nodes)).toBe(true);
    }),
  );

  it(
    'that jump leave every link up or bring it up again within 10 s',
    convergedSimulation(3, 1, (network, nodes) => {
      for (const jumpMs of [-5_000_000, 40_000, -1, 3_000_000]) {
        nodes[0]!.skewClock(jumpMs);
        nodes[0]!.handle({ type: 'tick' });
        network.run(20_000);
        expect(network.runUntil(() => isFullMesh(nodes), 20_000)).toBeLessThan(10_000);
      }
    }),
  );
});

describe('claims', () => {
  it(
    'of two nodes to the same addresses lead to a notice, and to the same owner on every node',
    simulation(4, (network) => {
      const nodes = [network.addNode(), network.addNode(), network.addNode()];
      nodes[2]!.podCidrs.splice(0, 1, nodes[1]!.podCidrs[0]!);
      nodes[0]!.start();
      nodes[1]!.start([nodes[0]!]);
      network.run(1_000);
      nodes[2]!.start([nodes[0]!]);
      network.run(10_000);
      for (const node of nodes) {
        const route = node.mesh!.routes().find(({ cidr }) => cidr === nodes[1]!.podCidrs[0]);
        expect(route).toMatchObject({ owner: nodes[1]!.id, conflict: nodes[2]!.id });
        expect(node.notices.some(({ message }) => message.includes('claim the same'))).toBe(true);
      }
      const lost = { cidr: nodes[1]!.podCidrs[0], winner: nodes[1]!.id, reason: 'earlier' };
      expect(nodes[2]!.mesh!.lostClaims()).toEqual([lost]);
      expect(nodes[1]!.mesh!.lostClaims()).toEqual([]);
    }),
  );

  it(
    'that change reach every node at once',
    convergedSimulation(5, 1, (network, nodes) => {
      const before = nodes[4]!.mesh!.routes().length;
      nodes[1]!.podCidrs.pop();
      nodes[1]!.handle({ type: 'self', self: nodes[1]!.self });
      expect(network.runUntil(() => nodes.every((n) => n.mesh!.routes().length === before - 1), 5_000)).toBeLessThan(
        1_000,
      );
    }),
  );

  it(
    'outside the cluster CIDRs are ignored',
    simulation(4, (network) => {
      const node = network.addNode();
      node.podCidrs[0] = '172.16.0.0/24' as (typeof node.podCidrs)[0];
      node.start();
      expect(node.mesh!.routes().map(({ cidr }) => cidr)).toEqual([node.podCidrs[1]]);
      expect(node.notices.some(({ message }) => message.includes('outside the cluster'))).toBe(true);
    }),
  );
});

describe('a node whose key was copied', () => {
  it(
    'is the subject of a notice on one of the two nodes at least',
    simulation(6, (network) => {
      const a = network.addNode();
      const b = network.addNode({ identity: a.identity });
      const c = network.addNode();
      c.start();
      a.start([c]);
      network.run(3_000);
      b.start([a]);
      network.run(10_000);
      const cloned = (node: SimNode) => node.notices.some(({ message }) => message.includes('cloned identity'));
      expect(cloned(a) || cloned(b)).toBe(true);
      const refused = [a, b].map((node) => node.mesh!.counters()['handshakeOwnIdentity'] ?? 0);
      expect(Math.max(...refused)).toBeGreaterThan(0);
    }),
  );
});

describe('the round trip of a link', () => {
  it(
    'is that of small datagrams: a large probe counts only while there is no other',
    simulation(1, (network) => {
      const [a, b] = [network.addNode(), network.addNode()];
      a.start();
      b.start([a]);
      const rttMs = () => b.mesh!.members(network.nowMs)[0]?.rttMs ?? null;
      expect(network.runUntil(() => rttMs() !== null, 5_000)).toBeLessThan(1_000);
      network.run(20_000);
      const before = rttMs();
      expect(before).toBeGreaterThanOrEqual(2);
      expect(before).toBeLessThanOrEqual(6);
      const answer = { type: 'probeAnswer', peer: a.id, probeId: 1, roundTripUs: 9e6, observed: b.address } as const;
      for (let i = 0; i < 8; i++) b.handle({ ...answer, sizeBytes: 1500 });
      expect(rttMs()).toBe(before);
      for (let i = 0; i < 8; i++) b.handle({ ...answer, sizeBytes: 128 });
      expect(rttMs()).toBe(9_000);
    }),
  );
});

/** Adverts of members at addresses where no node is. */
function neverMet(count: number): Uint8Array[] {
  const random = new SeededRandom(7);
  return Array.from({ length: count }, (_, i) => {
    const endpoints = [{ ip: parseIpAddress(`198.51.100.${i + 1}`), port: 7000 }];
    const self = { name: `never-met-${i}`, version: '0.1.0', endpoints, podCidrs: [], podMtuBytes: null };
    return signAdvert(generateIdentity(random), self, { createdAtMs: 1, revision: 1, incarnation: i, lowestStamp: 0 })
      .bytes;
  });
}
