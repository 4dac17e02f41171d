import { describe, expect, it } from '@jest/globals';
import { parseCidr } from '../common/address/cidr.js';
import { isFullMesh } from './testing/sim-node.js';
import type { SimNode } from './testing/sim-node.js';
import { secretIdOf } from './wire/cluster-keys.js';
import { simulation } from './testing/simulation.js';

const OTHER_SECRET = new Uint8Array(32).fill(9);
const SECRET = new Uint8Array(32).fill(7);
const MINUTE_MS = 60_000;

function hasDownLink(nodes: readonly SimNode[]): boolean {
  return nodes.some((a) => nodes.some((b) => a !== b && !a.reaches(b)));
}

describe('a mesh whose settings change while it runs', () => {
  it(
    'forms as soon as a node is given the right cluster secret',
    simulation(1, (network) => {
      const first = network.addNode({ clusterSecrets: [SECRET] });
      const late = network.addNode({ clusterSecrets: [OTHER_SECRET] });
      first.start();
      late.start([first]);
      network.run(20_000);
      expect(late.stateOf(first)).toBe('unknown');
      late.handle({ type: 'clusterSecrets', secrets: [SECRET] });
      expect(network.runUntil(() => isFullMesh([first, late]), 10_000)).toBeLessThan(1_000);
    }),
  );

  it(
    'keeps its links while the secret changes everywhere, one node after the other',
    simulation(2, (network) => {
      const nodes = [1, 2, 3].map(() => network.addNode({ clusterSecrets: [SECRET] }));
      nodes.forEach((node, i) => node.start(i === 0 ? [] : [nodes[0]!]));
      network.runUntil(() => isFullMesh(nodes), 20_000);
      for (const node of nodes) {
        node.handle({ type: 'clusterSecrets', secrets: [OTHER_SECRET] });
        expect(network.runWhile(() => isFullMesh(nodes), 10_000)).toBe(10_000);
      }
      const late = network.addNode({ clusterSecrets: [OTHER_SECRET] });
      late.start([nodes[0]!]);
      expect(network.runUntil(() => isFullMesh([...nodes, late]), 10_000)).toBeLessThan(2_000);
    }),
  );

  it(
    'rotates its secret under loss without a dropped link, and takes back nodes that were away with the old one',
    simulation(4, (network) => {
      const [first, second, third, early, late] = [1, 2, 3, 4, 5].map(() =>
        network.addNode({ clusterSecrets: [SECRET] }),
      );
      const nodes = [first!, second!, third!];
      const all = [...nodes, early!, late!];
      all.forEach((node) => node.start(node === first ? [] : [first!]));
      network.runUntil(() => isFullMesh(all), 20_000);
      early!.kill();
      late!.kill();
      network.paths.changeAll({ loss: 0.1, jitterMs: 20 });
      // Longer than a session lives.
      const keepsLinks = (among: readonly SimNode[], forMs: number) =>
        expect(network.runWhile(() => !hasDownLink(among), forMs)).toBe(forMs);
      const give = (node: SimNode, ...secrets: Uint8Array[]) => node.handle({ type: 'clusterSecrets', secrets });
      const links = (node: SimNode, among: readonly SimNode[]) =>
        expect(network.runUntil(() => isFullMesh([...among, node]), 60_000)).toBeLessThan(60_000);

      for (const node of nodes) {
        give(node, SECRET, OTHER_SECRET);
        keepsLinks(nodes, 5 * MINUTE_MS);
      }
      early!.start([first!]);
      links(early!, nodes);
      give(early!, SECRET, OTHER_SECRET);
      const four = [...nodes, early!];
      for (const node of four) {
        give(node, OTHER_SECRET);
        keepsLinks(four, 5 * MINUTE_MS);
      }
      for (const node of four) {
        for (const { secretIds } of node.mesh!.members(network.nowMs).filter(({ id }) => id !== late!.id)) {
          expect(secretIds).toEqual([secretIdOf(OTHER_SECRET)]);
        }
      }

      late!.start([first!]);
      network.run(MINUTE_MS);
      for (const node of four) expect(node.reaches(late!)).toBe(false);
      give(late!, OTHER_SECRET);
      links(late!, four);
      keepsLinks(all, MINUTE_MS);
    }),
  );

  it(
    'routes to a claim as soon as the cluster’s ranges hold it, and no longer than they do',
    simulation(3, (network) => {
      const narrow = [parseCidr('10.32.1.0/24'), parseCidr('fd00::/48')];
      const wide = [parseCidr('10.32.0.0/16'), parseCidr('fd00::/48')];
      const a = network.addNode({ clusterCidrs: narrow });
      const b = network.addNode({ clusterCidrs: wide });
      a.start();
      b.start([a]);
      network.runUntil(() => isFullMesh([a, b]), 20_000);
      const routesToB = () => a.usableRoutes().filter((cidr) => cidr.startsWith('10.32.2.'));
      expect(routesToB()).toEqual([]);
      a.handle({ type: 'clusterCidrs', cidrs: wide });
      expect(routesToB()).toEqual(['10.32.2.0/24']);
      a.handle({ type: 'clusterCidrs', cidrs: narrow });
      expect(routesToB()).toEqual([]);
    }),
  );
});
