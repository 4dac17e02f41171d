import { describe, expect, it } from '@jest/globals';
import { parseCidr } from '../common/address/cidr.js';
import { signAdvert } from './wire/advert.js';
import type { SimNetwork } from './testing/sim-network.js';
import { isFullMesh } from './testing/sim-node.js';
import type { SimNode } from './testing/sim-node.js';
import { convergedSimulation } from './testing/simulation.js';

const ownerAt = (node: SimNode, cidr: string) => node.mesh!.routes().find((route) => route.cidr === cidr)?.owner;

/** A node that says it is older than all others, and claims the CIDR of the whole cluster. */
function addForger(network: SimNetwork): SimNode {
  const forger = network.addNode();
  forger.podCidrs.splice(0, 2, parseCidr('10.32.0.0/12'));
  const stamp = { createdAtMs: 1, revision: 1, incarnation: 1, lowestStamp: 0 };
  forger.cachedAdverts = [signAdvert(forger.identity, forger.self, stamp).bytes];
  return forger;
}

function expectOwnCidrs(nodes: readonly SimNode[]): void {
  for (const node of nodes) {
    for (const other of nodes) expect(ownerAt(node, other.podCidrs[0]!)).toBe(other.id);
    expect(node.mesh!.lostClaims()).toEqual([]);
  }
}

describe('a claim of a node that is gone', () => {
  it(
    'gives way within seconds to the node that was installed anew under its name',
    convergedSimulation(4, 1, (network, nodes) => {
      const [dead, ...others] = [nodes[3]!, ...nodes.slice(0, 3)];
      dead.kill();
      network.run(8_000);
      const fresh = network.addNode();
      fresh.podCidrs.splice(0, 2, ...dead.podCidrs);
      dead.moveTo(99);
      fresh.moveTo(4);
      fresh.start([others[0]!]);
      const all = [...others, fresh];
      const isOwner = () => all.every((node) => ownerAt(node, dead.podCidrs[0]!) === fresh.id);
      expect(network.runUntil(() => isFullMesh(all) && isOwner(), 20_000)).toBeLessThan(5_000);
      expect(fresh.mesh!.lostClaims()).toEqual([]);
      for (const node of others) expect(node.linkStates().has(dead.id)).toBe(false);
    }),
  );

  it(
    'is withdrawn by its goodbye, also at nodes that restart afterwards',
    convergedSimulation(3, 2, (network, nodes) => {
      const forger = addForger(network);
      forger.start([nodes[0]!]);
      network.runUntil(() => isFullMesh([...nodes, forger]), 20_000);
      network.run(1_000);
      forger.handle({ type: 'stop' });
      network.run(100);
      forger.kill();
      network.run(1_000);
      expectOwnCidrs(nodes);
      for (const node of nodes) node.killAgent();
      for (const node of nodes) node.startAgent();
      network.run(1_000);
      expectOwnCidrs(nodes);
      network.run(20_000);
      expectOwnCidrs(nodes);
    }),
  );
});

describe('a node that forges its age', () => {
  it(
    'takes no CIDR from nodes that were in the cluster before it, also after they restart',
    convergedSimulation(3, 3, (network, nodes) => {
      network.run(11 * 60_000);
      const forger = addForger(network);
      forger.start([nodes[0]!]);
      expect(network.runUntil(() => isFullMesh([...nodes, forger]), 20_000)).toBeLessThan(10_000);
      network.run(5_000);
      expectOwnCidrs(nodes);
      for (const node of nodes) node.kill();
      for (const node of nodes) node.start();
      expect(network.runUntil(() => isFullMesh([...nodes, forger]), 20_000)).toBeLessThan(15_000);
      network.run(5_000);
      expectOwnCidrs(nodes);
    }),
  );
});
