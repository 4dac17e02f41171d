import { describe, expect, it } from '@jest/globals';
import type { SimFrame } from './testing/packet.js';
import type { SimNetwork } from './testing/sim-network.js';
import type { SimNode } from './testing/sim-node.js';
import { convergedSimulation } from './testing/simulation.js';

const FRAME_BYTES = 1000;
const FRAME_INTERVAL_MS = 250;
/** Until the slow relay is measured as slow, another one as shorter by a third, and its round trip four times. */
const MOVED_WITHIN_MS = 180_000;
/** One way between sites, and to the site of a relay that is far away. */
const NEAR_MS = 10;
const FAR_MS = 30;

/** Three sites: one end at the first, one at the second, which do not meet, and the relays at the third. */
interface Sites {
  readonly a: SimNode;
  readonly b: SimNode;
  readonly relays: readonly SimNode[];
  /** The one that is used. */
  readonly used: SimNode;
}

function threeSites(relayCount: number, run: (network: SimNetwork, sites: Sites) => void): () => void {
  return convergedSimulation(2 + relayCount, 51, (network, nodes) => {
    const [a, b, ...relays] = nodes as [SimNode, SimNode, ...SimNode[]];
    network.paths.changeBetween([a, b], relays, { delayMs: NEAR_MS });
    network.paths.changeBetween([a], [b], { isBlocked: true });
    network.run(20_000);
    const used = relays.find(({ id }) => id === a.relayTo(b) && id === b.relayTo(a));
    expect(used).toBeDefined();
    run(network, { a, b, relays, used: used! });
  });
}

/** Frames both ways for so long, until it `isOver`. Gives the frames and the relays that were used, in order. */
function traffic(network: SimNetwork, { a, b }: Sites, forMs: number, isOver: () => boolean = () => false) {
  const frames: SimFrame[] = [];
  const used = [a.relayTo(b)];
  const untilMs = network.nowMs + forMs;
  while (network.nowMs < untilMs && !isOver()) {
    frames.push(a.sendFrame(b.id, FRAME_BYTES), b.sendFrame(a.id, FRAME_BYTES));
    network.run(FRAME_INTERVAL_MS);
    if (a.relayTo(b) !== used.at(-1)) used.push(a.relayTo(b));
  }
  network.run(1_000);
  return { used, states: [...new Set(frames.map(({ state }) => state))] };
}

function slowDown(network: SimNetwork, { a, b }: Sites, relay: SimNode, delayMs: number): void {
  network.paths.changeBetween([a, b], [relay], { delayMs });
}

describe('a pair whose relay has become slow', () => {
  it(
    'moves to one that is better by a third, with both ends and without a lost frame, and stays there',
    threeSites(3, (network, sites) => {
      const { a, b, used } = sites;
      slowDown(network, sites, used, FAR_MS);
      const hasMoved = (): boolean => a.relayTo(b) !== used.id && a.relayTo(b) === b.relayTo(a);
      const before = traffic(network, sites, MOVED_WITHIN_MS, hasMoved);
      expect(hasMoved()).toBe(true);
      expect(before.states).toEqual(['arrived']);
      const after = traffic(network, sites, 10 * 60_000);
      expect(after).toEqual({ used: [a.relayTo(b)], states: ['arrived'] });
      expect(b.relayTo(a)).toBe(a.relayTo(b));
      const open = sites.relays.flatMap(({ router }) => router!.relays.status.pairs);
      expect(open.length).toBeLessThanOrEqual(1);
    }),
  );

  it(
    'stays where it is while the others are better by less than that, and while it is the only one',
    threeSites(2, (network, sites) => {
      const { a, b, used, relays } = sites;
      slowDown(network, sites, used, NEAR_MS * 1.2);
      expect(traffic(network, sites, 5 * 60_000)).toEqual({ used: [used.id], states: ['arrived'] });
      for (const relay of relays) if (relay !== used) relay.kill();
      slowDown(network, sites, used, FAR_MS);
      expect(traffic(network, sites, 5 * 60_000)).toEqual({ used: [used.id], states: ['arrived'] });
      expect(b.relayTo(a)).toBe(used.id);
    }),
  );

  it(
    'does not move to one that drops what it relays, whatever it says of round trips',
    threeSites(2, (network, sites) => {
      const { used, relays } = sites;
      for (const relay of relays) if (relay !== used) relay.router!.relays.receive = () => null;
      slowDown(network, sites, used, FAR_MS);
      expect(traffic(network, sites, 5 * 60_000)).toEqual({ used: [used.id], states: ['arrived'] });
    }),
  );
});
