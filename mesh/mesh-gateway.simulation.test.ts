import { describe, expect, it } from '@jest/globals';
import { FRAMES_WAIT_MS } from './limits.js';
import type { SimFrame } from './testing/packet.js';
import type { SimNetwork } from './testing/sim-network.js';
import type { SimNode } from './testing/sim-node.js';
import { simulation } from './testing/simulation.js';

const NODES_OF_SITE = 15;
/** Until all links that were up go through the gateway. */
const RELAYED_AFTER_MS = 15_000;
const FRAMES_PER_ROUND = 15;
const ROUND_MS = 5_000;
const ROUNDS = 5;
const FRAME_BYTES = 1000;

function anyOf(network: SimNetwork, nodes: readonly SimNode[]): SimNode {
  return nodes[Math.floor(network.random.fraction() * nodes.length)]!;
}

function count(frames: readonly SimFrame[], state: SimFrame['state']): number {
  return frames.filter((frame) => frame.state === state).length;
}

describe('two sites that only one node joins', () => {
  it(
    'reach each other through it, and nobody is taken for dead',
    simulation(1, (network) => {
      const nodes = network.startCluster(2 * NODES_OF_SITE + 1);
      network.run(20_000);
      const gateway = nodes.at(-1)!;
      const sites = [nodes.slice(0, NODES_OF_SITE), nodes.slice(NODES_OF_SITE, -1)] as const;
      nodes.forEach(({ notices }) => (notices.length = 0));
      network.paths.changeBetween(...sites, { isBlocked: true });
      network.run(RELAYED_AFTER_MS);
      const frames: SimFrame[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        for (let i = 0; i < FRAMES_PER_ROUND; i++) {
          const [from, to] = i % 2 === 0 ? sites : ([sites[1], sites[0]] as const);
          frames.push(anyOf(network, from).sendFrame(anyOf(network, to).id, FRAME_BYTES));
        }
        network.run(ROUND_MS);
      }
      expect(count(frames, 'arrived') + count(frames, 'refused')).toBe(ROUNDS * FRAMES_PER_ROUND);
      expect(count(frames, 'arrived')).toBeGreaterThan(frames.length * 0.95);
      expect(frames.every(({ sentMs, endedMs }) => endedMs !== null && endedMs - sentMs <= FRAMES_WAIT_MS)).toBe(true);
      const warnings = nodes.flatMap(({ notices }) => notices.filter(({ level }) => level !== 'info'));
      expect(warnings.length).toBeLessThan(NODES_OF_SITE);
      expect(warnings.filter(({ message }) => message.includes('reported dead'))).toEqual([]);
      expect(gateway.router!.relays.status.pairs.length).toBeGreaterThan(NODES_OF_SITE * 4);
    }),
  );
});
