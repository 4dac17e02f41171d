import { describe, expect, it } from '@jest/globals';
import { parseCidr } from '../common/address/cidr.js';
import { parseSocketAddress } from '../common/address/socket-address.js';
import type { SocketAddress } from '../common/address/socket-address.js';
import { FEW_REFUSALS, MAX_UNPROVEN_MEMBERS, MAX_UNPROVEN_PER_SENDER, NOTICE_INTERVAL_MS } from './limits.js';
import { readAdvert, signAdvert } from './wire/advert.js';
import { encodeControl } from './wire/control-message.js';
import { signDeathReport } from './wire/death-report.js';
import type { DeathReport } from './wire/death-report.js';
import { generateIdentity } from './wire/identity.js';
import { describePacket } from './testing/packet.js';
import { SeededRandom } from './testing/seeded-random.js';
import type { SimNetwork } from './testing/sim-network.js';
import type { SimNode } from './testing/sim-node.js';
import { isFullMesh } from './testing/sim-node.js';
import { convergedSimulation, simulation } from './testing/simulation.js';

const VICTIM = parseSocketAddress('203.0.113.5:53');

/** An advert of a node that does not exist. */
function inventedAdvert(random: SeededRandom, endpoints: readonly SocketAddress[], revision = 1): Uint8Array {
  const self = { name: 'invented', version: '1', endpoints, podCidrs: [parseCidr('10.47.0.0/24')], podMtuBytes: null };
  const stamp = { createdAtMs: 1, revision, incarnation: 1, lowestStamp: 0 };
  return signAdvert(generateIdentity(random), self, stamp).bytes;
}

/** Each with the same address and a port of its own. */
const INVENTED = Array.from({ length: 4000 }, (_, index) =>
  inventedAdvert(new SeededRandom(index), [VICTIM, { ...VICTIM, port: 1024 + index }]),
);

/** How many datagrams the honest nodes sent to VICTIM since there were `before`. */
function toVictim(network: SimNetwork, honest: readonly SimNode[], before: number): number {
  const senders = honest.map(({ address }) => address.ip);
  return network.captured.slice(before).filter(({ from, to }) => to.ip === VICTIM.ip && senders.includes(from.ip))
    .length;
}

/** A member sends adverts of invented nodes, 40 a message, to every other member. Gives how many datagrams they send to VICTIM. */
function flood(
  network: SimNetwork,
  hostile: SimNode,
  honest: readonly SimNode[],
  count: number,
  forMs: number,
): number {
  const before = network.captured.length;
  const messages = count / 40;
  for (let i = 0; i < messages; i++) {
    const adverts = INVENTED.slice(i * 40, i * 40 + 40);
    for (const { id } of honest) {
      hostile.router?.apply({ type: 'sendControl', peer: id, bytes: encodeControl({ type: 'adverts', adverts }) }, 0);
    }
    network.run(forMs / messages);
  }
  return toVictim(network, honest, before);
}

describe('a member that invents 4000 others in 2.3 s', () => {
  it(
    'does not take a link of honest nodes down, or make them flood an address',
    convergedSimulation(5, 1, (network, nodes) => {
      const [hostile, ...honest] = [nodes[4]!, ...nodes.slice(0, 4)];
      for (const node of honest) node.notices.length = 0;
      const inFlood = flood(network, hostile, honest, 4000, 2_300);
      const before = network.captured.length;
      network.run(6_000);
      const after = toVictim(network, honest, before);
      // Of each of the four honest nodes: 6 at once, and one every 2 s.
      expect(inFlood).toBeLessThanOrEqual(4 * 8);
      expect(after).toBeLessThanOrEqual(4 * 9);
      expect(isFullMesh(honest)).toBe(true);
      const went = honest.flatMap(({ notices }) => notices.filter(({ message }) => message === 'link is down'));
      expect(went.filter(({ fields }) => fields['name'] !== 'invented')).toEqual([]);
    }),
  );

  it(
    'fills only its own quota, and not that of the whole cluster',
    convergedSimulation(4, 2, (network, nodes) => {
      const [hostile, ...honest] = [nodes[3]!, ...nodes.slice(0, 3)];
      flood(network, hostile, honest, 4000, 2_300);
      network.run(5_000);
      for (const node of honest) {
        expect(node.mesh!.counters()['members']).toBeLessThanOrEqual(MAX_UNPROVEN_MEMBERS + 3);
        expect(node.mesh!.counters()['advertTooOften']).toBeGreaterThan(2_000);
      }
      const fresh = network.addNode();
      fresh.start([honest[0]!]);
      const isReached = (): boolean => honest.every((node) => node.usableRoutes().includes(fresh.podCidrs[0]!));
      expect(network.runUntil(isReached, 20_000)).toBeLessThan(10_000);
      for (const node of honest) node.handle({ type: 'sessionWanted', peer: fresh.id });
      network.run(1_000);
      for (const node of honest) expect([node.stateOf(fresh), node.reaches(fresh)]).toEqual(['up', true]);
      expect(MAX_UNPROVEN_PER_SENDER * 4).toBeLessThanOrEqual(MAX_UNPROVEN_MEMBERS);
    }),
  );

  it(
    'keeps no revocation from the others, though the invented ones have taken the places of neighbours',
    simulation(6, (network) => {
      const nodes = network.startCluster(26);
      network.run(10_000);
      const [hostile, revoked, ...honest] = [nodes.at(-1)!, nodes.at(-2)!, ...nodes.slice(0, -2)];
      // All have links, as under traffic; no node found an invented one dead yet.
      for (const node of honest) for (const { id } of honest) node.handle({ type: 'sessionWanted', peer: id });
      network.run(2_000);
      // So few that most nodes have one or two linked neighbours left, and not none.
      flood(network, hostile, honest, 240, 300);
      network.run(4_000);
      honest[0]!.handle({ type: 'revoke', node: revoked.id, isRevoked: true });
      const isKnown = (): boolean => honest.every(({ mesh }) => mesh!.revoked().length === 1);
      expect(network.runUntil(isKnown, 5_000)).toBeLessThan(1_000);
    }),
  );

  it(
    'is forgotten with all of them when they never respond',
    convergedSimulation(3, 3, (network, nodes) => {
      const [hostile, ...honest] = [nodes[2]!, ...nodes.slice(0, 2)];
      flood(network, hostile, honest, 40, 1_000);
      hostile.kill();
      network.run(11 * 60_000);
      for (const node of honest) expect(node.mesh!.counters()['members']).toBe(2);
    }),
  );
});

describe('a member that tells of others', () => {
  it(
    'is not named for newer adverts of those that are known: after a rotation or a partition there is one of each',
    convergedSimulation(2, 7, (network, [teller, other]) => {
      const tell = (count: number, revision: number): void => {
        const adverts = Array.from({ length: count }, (_, i) => inventedAdvert(new SeededRandom(i), [], revision));
        for (let at = 0; at < count; at += 40) {
          const bytes = encodeControl({ type: 'adverts', adverts: adverts.slice(at, at + 40) });
          teller!.router?.apply({ type: 'sendControl', peer: other!.id, bytes }, 0);
          network.run(500);
        }
      };
      tell(1, 1);
      network.run(NOTICE_INTERVAL_MS);
      for (const revision of [2, 3, 4]) tell(200, revision);
      expect(other!.mesh!.counters()['members']).toBe(201);
      expect(other!.notices.filter(({ fields }) => fields['reason'] === 'introduced')).toEqual([]);
    }),
  );
});

describe('a member that sends what no honest node sends', () => {
  it(
    'is named in the log: for garbage and bad signatures at once, for questions when there are many',
    convergedSimulation(3, 5, (network, [hostile, victim]) => {
      const warningsAfter = (bytes: Uint8Array, times: number): string[] => {
        victim!.notices.length = 0;
        for (let i = 0; i < times; i++) hostile!.router?.apply({ type: 'sendControl', peer: victim!.id, bytes }, 0);
        network.run(100);
        const about = victim!.notices.filter(({ fields }) => fields['node'] === hostile!.id);
        return about.map(({ message, fields }) => `${message}: ${fields['name']}`);
      };
      const { name } = hostile!.self;
      const stamp = { createdAtMs: 1, revision: Number.MAX_SAFE_INTEGER, incarnation: 1, lowestStamp: 0 };
      const forged = signAdvert(hostile!.identity, hostile!.self, stamp).bytes.with(-1, 0);
      const linksQuery = encodeControl({ type: 'linksQuery' });
      expect(warningsAfter(linksQuery, FEW_REFUSALS)).toEqual([]);
      expect(warningsAfter(linksQuery, 1)).toEqual([
        `a member sends or passes on too many queries for links, which are refused: ${name}`,
      ]);
      expect(warningsAfter(new Uint8Array([0xc1]), 1)).toEqual([
        `a member sent a control message that does not decode: ${name}`,
      ]);
      expect(warningsAfter(encodeControl({ type: 'adverts', adverts: [forged] }), 1)).toEqual([
        `a member sent an advert with a bad signature: ${name}`,
      ]);
    }),
  );

  it(
    'does not make honest nodes pass on reports of deaths that nobody signed, and a good one about a living node once',
    convergedSimulation(4, 6, (network, nodes) => {
      const [hostile, victim, ...others] = nodes;
      const { revision } = readAdvert(victim!.mesh!.adverts()[0]!).advert;
      const good = signDeathReport(hostile!.identity, victim!.id, revision);
      const passedOn = (report: DeathReport, times: number): number => {
        const fromMs = network.nowMs;
        const bytes = encodeControl({ type: 'deaths', reports: [report] });
        for (const { id } of others) {
          for (let i = 0; i < times; i++) hostile!.router?.apply({ type: 'sendControl', peer: id, bytes }, 0);
        }
        network.run(100);
        const sent = network.log.messages().filter(({ atMs, from }) => atMs >= fromMs && from !== hostile);
        return sent.filter(({ packet }) => describePacket(packet).startsWith('reports of deaths')).length;
      };
      expect(passedOn({ ...good, signature: new Uint8Array(64) }, 5)).toBe(0);
      expect(passedOn(good, 5)).toBe(others.length);
      for (const node of others) expect(node.mesh!.counters()['badDeathReport']).toBe(5);
    }),
  );
});

describe('a member that asks for adverts without end', () => {
  it(
    'gets a bounded number of answers',
    convergedSimulation(2, 4, (network, [a, b]) => {
      const fromId = '0'.repeat(32) as typeof a extends SimNode ? SimNode['id'] : never;
      const bytes = encodeControl({ type: 'digest', fromId, toId: null, entries: [] });
      for (let i = 0; i < 500; i++) a!.router?.apply({ type: 'sendControl', peer: b!.id, bytes }, network.nowMs);
      network.run(1_000);
      expect(b!.mesh!.counters()['digestTooOften']).toBeGreaterThan(480);
    }),
  );
});
