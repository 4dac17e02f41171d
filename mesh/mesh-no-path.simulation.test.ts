import { describe, expect, it } from '@jest/globals';
import type { SimFrame } from './testing/packet.js';
import type { SimNetwork } from './testing/sim-network.js';
import { isFullMesh } from './testing/sim-node.js';
import type { SimNode } from './testing/sim-node.js';
import { convergedSimulation } from './testing/simulation.js';

const NODES = 6;
const FRAME_BYTES = 1000;
const FOR_MS = 60_000;
/** The time a frame waits for a session, and a moment. */
const ANSWERED_WITHIN_MS = 3_500;
/** A direct probe is sent once a minute, and three are answered. */
const DIRECT_AGAIN_MS = 75_000;

type Cut = (network: SimNetwork, a: SimNode, b: SimNode, isBlocked: boolean) => void;

const CUTS: Readonly<Record<string, Cut>> = {
  'in both directions': ({ paths }, a, b, isBlocked) => paths.changeBetween([a], [b], { isBlocked }),
  'in one direction': ({ paths }, a, b, isBlocked) => paths.changeOneWay(a, b, { isBlocked }),
};

/** What becomes of a frame that a pod of one node sends to one of another. */
function fateOfFrame(network: SimNetwork, from: SimNode, to: SimNode): SimFrame['state'] {
  const frame = from.sendFrame(to.id, FRAME_BYTES);
  network.run(ANSWERED_WITHIN_MS);
  return frame.state;
}

describe('two nodes that cannot meet, and reach all others', () => {
  it.each(Object.keys(CUTS))('are linked through a relay, and directly again when the path is back (cut %s)', (name) =>
    convergedSimulation(NODES, 11, (network, nodes) => {
      const [a, b, ...others] = nodes as [SimNode, SimNode, ...SimNode[]];
      const cut = CUTS[name]!;
      cut(network, a, b, true);
      const stayedMs = network.runWhile(
        () => nodes.every((node) => nodes.every((other) => node === other || node.stateOf(other) !== 'down')),
        FOR_MS,
      );
      expect(stayedMs).toBe(FOR_MS);
      expect([a.stateOf(b), b.stateOf(a)]).toEqual(['up', 'up']);
      expect(others.map(({ id }) => id)).toContain(a.relayTo(b));
      expect(others.map(({ id }) => id)).toContain(b.relayTo(a));
      expect(fateOfFrame(network, a, b)).toBe('arrived');
      expect(fateOfFrame(network, b, a)).toBe('arrived');
      expect(fateOfFrame(network, a, others[0]!)).toBe('arrived');
      cut(network, a, b, false);
      const isDirect = (): boolean => a.relayTo(b) === null && b.relayTo(a) === null;
      expect(network.runUntil(isDirect, DIRECT_AGAIN_MS)).toBeLessThan(DIRECT_AGAIN_MS);
      expect(isFullMesh(nodes)).toBe(true);
      expect(fateOfFrame(network, a, b)).toBe('arrived');
      expect(fateOfFrame(network, b, a)).toBe('arrived');
      network.run(10_000);
      expect(nodes.map(({ router }) => router?.relays.status)).toEqual(nodes.map(() => ({ channels: [], pairs: [] })));
    })(),
  );
});
