import { describe, expect, it } from '@jest/globals';
import { fuzzRuns } from '../test/fuzz/fuzz-runs.js';
import { DOWN_AFTER_MS, GRACE_PER_LAG, LAG_NOTED_MS, MAX_GRACE_MS } from './limits.js';
import type { SimNetwork } from './testing/sim-network.js';
import { isFullMesh } from './testing/sim-node.js';
import type { SimNode } from './testing/sim-node.js';
import { convergedSimulation, simulation } from './testing/simulation.js';

const STORMS = fuzzRuns(3);
const NODES = 4;

/** Lets one thing fail for up to 20 s, and repairs it. */
function failOnce(network: SimNetwork, node: SimNode, nodes: readonly SimNode[]): void {
  const { random } = network;
  const others = nodes.filter((other) => other !== node);
  const act = Math.floor(random.fraction() * 9);
  if (act === 0) node.kill();
  else if (act === 1) node.killAgent();
  else if (act === 2 && node.mesh !== null && node.router !== null) node.restartRouter();
  else if (act === 3) node.skewClock((random.fraction() - 0.5) * 100_000);
  else if (act === 4) network.paths.changeBetween([node], others, { isBlocked: true });
  else if (act === 5) network.paths.changeAll({ loss: random.fraction() * 0.5 });
  else if (act === 6 && node.mesh !== null && !node.isPaused) node.isPaused = true;
  else if (act === 7) node.handle({ type: 'routerDisconnected' });
  else if (act === 8) for (const other of others) network.paths.changeOneWay(node, other, { isBlocked: true });
  network.run(random.fraction() * 20_000);
  heal(network, nodes);
}

/** Every node runs again and every path is open; nodes may have lost their memory. */
function heal(network: SimNetwork, nodes: readonly SimNode[]): void {
  network.paths.changeAll({ isBlocked: false, loss: 0 });
  for (const node of nodes) {
    if (node.isPaused) node.resume();
    if (node.router === null) node.start();
    else if (node.mesh === null) node.startAgent();
    else node.connectRouter();
  }
}

describe('a mesh after failures', () => {
  it.each(Array.from({ length: STORMS }, (_, seed) => seed + 100))(
    'is fully linked again within 15 s, and leaks nothing (seed %i)',
    (seed) =>
      simulation(seed, (network) => {
        network.paths.changeAll({ duplication: 0.05, reordering: 0.05, jitterMs: 15 });
        const nodes = network.startCluster(NODES);
        for (let i = 0; i < 5; i++) {
          network.run(network.random.fraction() * 3_000);
          failOnce(network, nodes[Math.floor(network.random.fraction() * NODES)]!, nodes);
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
      })(),
  );
});

describe('a node that is late with its work', () => {
  it(
    'waits longer than the others before it takes a peer for dead, and takes no living one for dead',
    // With three nodes there are no two others whose reports would count.
    convergedSimulation(3, 8, (network, nodes) => {
      const [late, inTime, dead] = nodes as [SimNode, SimNode, SimNode];
      // Of every second its agent works a tenth.
      const block = (): void => {
        late.agentCpu.block(network.nowMs + 900);
        network.at(network.nowMs + 1_000, block);
      };
      block();
      network.run(60_000);
      expect([late.stateOf(inTime), late.stateOf(dead), inTime.stateOf(late)]).toEqual(['up', 'up', 'up']);
      dead.kill();
      const downMs = (node: SimNode): number => network.runUntil(() => node.stateOf(dead) === 'down', 20_000);
      expect(downMs(inTime)).toBeLessThan(DOWN_AFTER_MS + 500);
      network.run(LAG_NOTED_MS * GRACE_PER_LAG - 500);
      expect(late.stateOf(dead)).toBe('stale');
      expect(downMs(late)).toBeLessThan(MAX_GRACE_MS);
      expect(late.stateOf(inTime)).toBe('up');
    }),
  );
});
