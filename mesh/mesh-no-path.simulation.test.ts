import { describe, expect, it } from '@jest/globals';
import { CONNECT_WITHIN_MS, DOWN_AFTER_MS } from './limits.js';
import type { SimFrame } from './testing/fake-router.js';
import type { SimNetwork } from './testing/sim-network.js';
import { isFullMesh } from './testing/sim-node.js';
import type { SimNode } from './testing/sim-node.js';
import { convergedSimulation } from './testing/simulation.js';

const NODES = 6;
const FOR_MS = 60_000;
/** The time a frame waits for a session, and a moment. */
const ANSWERED_WITHIN_MS = 3_500;
/** An agent dials a dead peer less and less often. */
const LINKED_AGAIN_MS = 30_000;

type Cut = (network: SimNetwork, a: SimNode, b: SimNode, isBlocked: boolean) => void;

const CUTS: Readonly<Record<string, Cut>> = {
  'in both directions': ({ paths }, a, b, isBlocked) => paths.changeBetween([a], [b], { isBlocked }),
  'in one direction': ({ paths }, a, b, isBlocked) => paths.changeOneWay(a, b, { isBlocked }),
};

/** What becomes of a frame that a pod of one node sends to one of another. */
function fateOfFrame(network: SimNetwork, from: SimNode, to: SimNode): SimFrame['state'] {
  const frame: SimFrame = { sizeBytes: 1000, sentMs: network.nowMs, state: 'waiting', endedMs: null };
  from.sendFrame(to.id, frame);
  network.run(ANSWERED_WITHIN_MS);
  return frame.state;
}

describe('two nodes that cannot meet, and reach all others', () => {
  it.each(Object.keys(CUTS))(
    'hear that each other is unreachable, stay alive for all others, and meet when the path is back (cut %s)',
    (name) =>
      convergedSimulation(NODES, 11, (network, nodes) => {
        const [a, b, ...others] = nodes as [SimNode, SimNode, ...SimNode[]];
        const cut = CUTS[name]!;
        cut(network, a, b, true);
        const stayedMs = network.runWhile(
          () => others.every((c) => [a, b].every((end) => c.stateOf(end) === 'up' && end.stateOf(c) === 'up')),
          FOR_MS,
        );
        expect(stayedMs).toBe(FOR_MS);
        expect([a.stateOf(b), b.stateOf(a)]).toEqual(['down', 'down']);
        expect(fateOfFrame(network, a, b)).toBe('refused');
        expect(fateOfFrame(network, b, a)).toBe('refused');
        expect(fateOfFrame(network, a, others[0]!)).toBe('arrived');
        cut(network, a, b, false);
        expect(network.runUntil(() => isFullMesh(nodes), LINKED_AGAIN_MS)).toBeLessThan(LINKED_AGAIN_MS);
        expect(fateOfFrame(network, a, b)).toBe('arrived');
        expect(fateOfFrame(network, b, a)).toBe('arrived');
      })(),
  );

  it(
    'are refused, and not left to wait, from the time their link is down',
    convergedSimulation(NODES, 12, (network, nodes) => {
      const [a, b] = nodes as [SimNode, SimNode];
      network.paths.changeBetween([a], [b], { isBlocked: true });
      expect(network.runUntil(() => a.stateOf(b) === 'down', FOR_MS)).toBeLessThan(DOWN_AFTER_MS + CONNECT_WITHIN_MS);
      const frame: SimFrame = { sizeBytes: 1000, sentMs: network.nowMs, state: 'waiting', endedMs: null };
      a.sendFrame(b.id, frame);
      network.run(100);
      expect(frame.state).toBe('refused');
    }),
  );
});
