import { describe, expect, it } from '@jest/globals';
import { fuzzRuns } from '../test/fuzz/fuzz-runs.js';
import { isFullMesh, SimNetwork } from './testing/sim-network.js';
import type { SimNode } from './testing/sim-network.js';

const STORMS = fuzzRuns(5);
const NODES = 4;

/** One thing that goes wrong. */
function mishap(network: SimNetwork, node: SimNode, nodes: readonly SimNode[]): void {
  const { random } = network;
  const act = Math.floor(random.fraction() * 8);
  if (act === 0) node.kill();
  else if (act === 1) node.killAgent();
  else if (act === 2 && node.mesh !== null && node.router !== null) node.restartRouter();
  else if (act === 3) node.skewClock((random.fraction() - 0.5) * 100_000);
  else if (act === 4) network.rules.passes = (from, to) => from !== node && to !== node;
  else if (act === 5) network.rules.loss = random.fraction() * 0.5;
  else if (act === 6 && node.mesh !== null && !node.isPaused) node.isPaused = true;
  else if (act === 7) node.handle({ type: 'routerDisconnected' });
  network.run(random.fraction() * 20_000);
  heal(network, nodes);
}

/** Everybody is back, though not as they were. */
function heal(network: SimNetwork, nodes: readonly SimNode[]): void {
  network.rules.passes = () => true;
  network.rules.loss = 0;
  for (const node of nodes) {
    if (node.isPaused) node.resume();
    if (node.router === null) node.start();
    else if (node.mesh === null) node.startAgent();
    else node.connectRouter();
  }
}

describe('a mesh in a storm', () => {
  it.each(Array.from({ length: STORMS }, (_, seed) => seed + 100))(
    'is whole again soon after, and leaks nothing (seed %i)',
    (seed) => {
      const network = new SimNetwork(seed);
      Object.assign(network.rules, { duplicates: 0.05, jitterMs: 15 });
      const nodes = Array.from({ length: NODES }, () => network.addNode());
      nodes.forEach((node, index) => node.start(index === 0 ? [] : [nodes[0]!]));
      for (let i = 0; i < 5; i++) {
        network.run(network.random.fraction() * 3_000);
        mishap(network, nodes[Math.floor(network.random.fraction() * NODES)]!, nodes);
        expect(network.runUntil(() => isFullMesh(nodes), 40_000)).toBeLessThan(15_000);
      }
      network.run(60_000);
      expect(isFullMesh(nodes)).toBe(true);
      for (const node of nodes) {
        expect(node.router?.slotClashes).toEqual([]);
        expect(node.router?.sessions.size).toBe(NODES - 1);
        expect(node.mesh?.counters()).toMatchObject({
          sessionSlots: NODES - 1,
          pendingHandshakes: 0,
          members: NODES - 1,
        });
      }
    },
  );
});
