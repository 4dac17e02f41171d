import { describe, expect, it } from '@jest/globals';
import { parseCidr } from '../common/address/cidr.js';
import { isFullMesh } from './testing/sim-node.js';
import { simulation } from './testing/simulation.js';

const OTHER_SECRET = new Uint8Array(32).fill(9);
const SECRET = new Uint8Array(32).fill(7);

describe('a mesh whose settings change while it runs', () => {
  it(
    'forms as soon as a node is given the right cluster secret',
    simulation(1, (network) => {
      const first = network.addNode({ clusterSecret: SECRET });
      const late = network.addNode({ clusterSecret: OTHER_SECRET });
      first.start();
      late.start([first]);
      network.run(20_000);
      expect(late.stateOf(first)).toBe('unknown');
      late.handle({ type: 'clusterSecret', secret: SECRET });
      expect(network.runUntil(() => isFullMesh([first, late]), 10_000)).toBeLessThan(1_000);
    }),
  );

  it(
    'keeps its links while the secret changes everywhere, one node after the other',
    simulation(2, (network) => {
      const nodes = [1, 2, 3].map(() => network.addNode({ clusterSecret: SECRET }));
      nodes.forEach((node, i) => node.start(i === 0 ? [] : [nodes[0]!]));
      network.runUntil(() => isFullMesh(nodes), 20_000);
      for (const node of nodes) {
        node.handle({ type: 'clusterSecret', secret: OTHER_SECRET });
        expect(network.runWhile(() => isFullMesh(nodes), 10_000)).toBe(10_000);
      }
      const late = network.addNode({ clusterSecret: OTHER_SECRET });
      late.start([nodes[0]!]);
      expect(network.runUntil(() => isFullMesh([...nodes, late]), 10_000)).toBeLessThan(2_000);
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
