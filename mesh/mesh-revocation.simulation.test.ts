/** Revoked nodes in a simulated cluster: whose word counts, how fast, and for how long. */
import { describe, expect, it } from '@jest/globals';
import type { NodeId } from '../common/node-id.js';
import { MAX_REVOKED_PER_ISSUER } from './limits.js';
import { isFullMesh } from './testing/sim-node.js';
import type { SimNode } from './testing/sim-node.js';
import { convergedSimulation } from './testing/simulation.js';

const CUT_OFF_WITHIN_MS = 5_000;
const MINUTE_MS = 60_000;

function revoke(on: SimNode, node: SimNode, isRevoked = true): void {
  on.handle({ type: 'revoke', node: node.id, isRevoked });
}

function isCutOff(node: SimNode, others: readonly SimNode[]): boolean {
  return others.every((other) => other.stateOf(node) === 'unknown' && !other.reaches(node) && !node.reaches(other));
}

describe('a node that is revoked', () => {
  it(
    'is cut off from every node within 5 s, although it lives, and its routes are gone',
    convergedSimulation(5, 1, (network, nodes) => {
      const [first, victim, ...others] = nodes as [SimNode, SimNode, ...SimNode[]];
      const rest = [first, ...others];
      revoke(first, victim);
      expect(network.runUntil(() => isCutOff(victim, rest), MINUTE_MS)).toBeLessThan(CUT_OFF_WITHIN_MS);
      expect(network.runWhile(() => isCutOff(victim, rest), MINUTE_MS)).toBe(MINUTE_MS);
      expect(isFullMesh(rest)).toBe(true);
      for (const node of rest) expect(node.usableRoutes()).toHaveLength(2 * rest.length);
      expect(first.mesh!.revoked()).toMatchObject([{ node: victim.id, issuer: first.id }]);
      expect(victim.notices.map(({ message }) => message).join()).toContain('this node was revoked');
    }),
  );

  it(
    'is told of to every neighbour at once, as often as one node may decide, so that no node learns of it by chance',
    convergedSimulation(12, 6, (network, [first, ...others]) => {
      // They learn from the first node alone.
      network.paths.changeBetween(others, others, { isBlocked: true });
      const strangers = Array.from({ length: MAX_REVOKED_PER_ISSUER }, (_, i) => `${i + 10}`.padEnd(32, '0') as NodeId);
      for (const node of strangers) first!.handle({ type: 'revoke', node, isRevoked: true });
      network.run(100);
      for (const { mesh } of others)
        expect(
          mesh!
            .revoked()
            .map(({ node }) => node)
            .sort(),
        ).toEqual(strangers);
    }),
  );

  it(
    'stays out when agents and machines restart, also where the router still holds its session',
    convergedSimulation(4, 2, (network, nodes) => {
      const [first, victim, third, fourth] = nodes as [SimNode, SimNode, SimNode, SimNode];
      fourth.killAgent();
      revoke(first, victim);
      network.run(1_000);
      third.kill();
      first.killAgent();
      network.run(2_000);
      first.startAgent();
      third.start();
      network.run(5_000);
      fourth.startAgent();
      network.run(10_000);
      const rest = [first, third, fourth];
      expect(isCutOff(victim, rest)).toBe(true);
      expect(network.runWhile(() => isCutOff(victim, rest), MINUTE_MS)).toBe(MINUTE_MS);
      expect(isFullMesh(rest)).toBe(true);
    }),
  );

  it(
    'comes back when another node lifts the revocation',
    convergedSimulation(4, 3, (network, nodes) => {
      const [first, victim, third] = nodes as [SimNode, SimNode, SimNode];
      revoke(first, victim);
      network.run(20_000);
      revoke(third, victim, false);
      expect(network.runUntil(() => isFullMesh(nodes), MINUTE_MS)).toBeLessThan(MINUTE_MS);
      expect(first.mesh!.revoked()).toEqual([]);
    }),
  );

  it(
    'decides nothing itself any more, and nothing about itself',
    convergedSimulation(4, 4, (network, nodes) => {
      const [first, victim, third] = nodes as [SimNode, SimNode, SimNode];
      revoke(first, victim);
      network.run(2_000);
      revoke(victim, third);
      revoke(victim, victim, false);
      network.run(30_000);
      expect(
        isCutOff(
          victim,
          nodes.filter((node) => node !== victim),
        ),
      ).toBe(true);
      expect(first.stateOf(third)).toBe('up');
    }),
  );

  it(
    'may join again after the cluster secret was changed, which voids all decisions',
    convergedSimulation(3, 5, (network, nodes) => {
      const [first, victim] = nodes as [SimNode, SimNode];
      revoke(first, victim);
      network.run(5_000);
      const secret = new Uint8Array(32).fill(77);
      for (const node of nodes) node.handle({ type: 'clusterSecrets', secrets: [secret] });
      expect(network.runUntil(() => isFullMesh(nodes), MINUTE_MS)).toBeLessThan(MINUTE_MS);
    }),
  );
});

describe('the word about a revocation', () => {
  it(
    'of a member that came in the last ten minutes does not count, so that invented members shut nobody out',
    convergedSimulation(4, 6, (network, nodes) => {
      const [first, second, third] = nodes as [SimNode, SimNode, SimNode];
      network.run(11 * MINUTE_MS);
      const newcomer = network.addNode();
      newcomer.start([first]);
      network.run(10_000);
      expect(first.stateOf(newcomer)).toBe('up');
      revoke(newcomer, third);
      network.run(10_000);
      expect(first.stateOf(third)).toBe('up');
      expect(second.stateOf(third)).toBe('up');
      expect(first.mesh!.counters()['revocationRefused']).toBeGreaterThan(0);
    }),
  );

  it(
    'reaches a node that was away, by digests',
    convergedSimulation(5, 7, (network, nodes) => {
      const [first, victim, away] = nodes as [SimNode, SimNode, SimNode];
      away.kill();
      network.run(10_000);
      revoke(first, victim);
      network.run(10_000);
      away.start();
      expect(network.runUntil(() => away.mesh!.revoked().length === 1, MINUTE_MS)).toBeLessThan(15_000);
      network.run(10_000);
      expect(
        isCutOff(
          victim,
          nodes.filter((node) => node !== victim),
        ),
      ).toBe(true);
    }),
  );
});
