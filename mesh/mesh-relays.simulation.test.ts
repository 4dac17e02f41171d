import { describe, expect, it } from '@jest/globals';
import { RELAY_IDLE_MS } from '../common/protocol.js';
import { CLOSE_AFTER_MS, FRAMES_WAIT_MS, QUIET_AFTER_MS } from './limits.js';
import { CHANNEL_UNUSED_MS, MAX_CHANNELS_PER_RELAY } from './relay-limits.js';
import type { SimFrame } from './testing/packet.js';
import type { SimNetwork } from './testing/sim-network.js';
import type { SimNode } from './testing/sim-node.js';
import { convergedSimulation, simulation } from './testing/simulation.js';
import { encodeControl } from './wire/control-message.js';

const NODES = 6;
const FRAME_BYTES = 1000;
/** Until a link that was cut goes through a relay, with a second for the counters of routers. */
const RELAYED_WITHIN_MS = 6_000;

type Trio = readonly [SimNode, SimNode, SimNode, ...SimNode[]];

function cut(network: SimNetwork, a: SimNode, b: SimNode, isBlocked = true): void {
  network.paths.changeBetween([a], [b], { isBlocked });
}

function isRelayed(a: SimNode, b: SimNode): boolean {
  return a.relayTo(b) !== null && b.relayTo(a) !== null;
}

/** What becomes of a frame in the time that it may wait for a session. */
function fateOfFrame(network: SimNetwork, from: SimNode, to: SimNode): SimFrame['state'] {
  const frame = from.sendFrame(to.id, FRAME_BYTES);
  network.run(FRAMES_WAIT_MS + 500);
  return frame.state;
}

/** Six nodes, of which the first two are linked through the third or another one. */
function relayedSimulation(seed: number, run: (network: SimNetwork, nodes: Trio, relay: SimNode) => void): () => void {
  return convergedSimulation(NODES, seed, (network, nodes) => {
    const [a, b] = nodes as Trio;
    network.run(1_000);
    cut(network, a, b);
    expect(network.runUntil(() => isRelayed(a, b), RELAYED_WITHIN_MS)).toBeLessThan(RELAYED_WITHIN_MS);
    run(
      network,
      nodes as Trio,
      nodes.find(({ id }) => id === a.relayTo(b))!,
    );
  });
}

/** How long neither end takes the other for dead. */
function linkedFor(network: SimNetwork, a: SimNode, b: SimNode, forMs: number): number {
  return network.runWhile(() => a.stateOf(b) !== 'down' && b.stateOf(a) !== 'down', forMs);
}

function openPairs(nodes: readonly SimNode[]): number {
  return nodes.reduce((sum, { router }) => sum + (router?.relays.status.pairs.length ?? 0), 0);
}

function openChannels(nodes: readonly SimNode[]): number {
  return nodes.reduce((sum, { router }) => sum + (router?.relays.status.channels.length ?? 0), 0);
}

describe('a link through a relay', () => {
  it(
    'goes through one relay for both ends, and leaves no channel open elsewhere',
    relayedSimulation(21, (network, nodes) => {
      const [a, b] = nodes;
      network.run(20_000);
      expect(a.relayTo(b)).toBe(b.relayTo(a));
      expect([openPairs(nodes), openChannels(nodes)]).toEqual([1, 2]);
    }),
  );

  it(
    'is seen as relayed by a third node that shows the topology, and a link beside it as direct',
    relayedSimulation(21, (network, [a, b, c]) => {
      c.handle({ type: 'topologyWanted', untilMs: network.nowMs + 10_000 });
      network.run(5_000);
      const shown = c.mesh!.remoteLinks(network.nowMs).filter(({ a: by }) => by === a.id);
      expect(shown.filter(({ isRelayed }) => isRelayed).map(({ b: peer }) => peer)).toEqual([b.id]);
      expect(shown.length).toBeGreaterThan(1);
    }),
  );

  it(
    'goes through another one when the relay dies, and does not go down',
    relayedSimulation(22, (network, nodes, relay) => {
      const [a, b] = nodes;
      relay.kill();
      expect(linkedFor(network, a, b, 30_000)).toBe(30_000);
      expect(isRelayed(a, b)).toBe(true);
      expect([a.relayTo(b), b.relayTo(a)]).not.toContain(relay.id);
      expect(fateOfFrame(network, a, b)).toBe('arrived');
    }),
  );

  it(
    'leaves a relay that drops everything, and one that drops one direction',
    relayedSimulation(23, (network, nodes, relay) => {
      const [a, b] = nodes;
      const { relays } = relay.router!;
      const receive = relays.receive.bind(relays);
      relays.receive = (from, ...rest) => (from.ip === a.address.ip ? null : receive(from, ...rest));
      expect(linkedFor(network, a, b, 20_000)).toBe(20_000);
      expect([a.relayTo(b), b.relayTo(a)]).not.toContain(relay.id);
      const second = nodes.find(({ id }) => id === a.relayTo(b))!;
      second.router!.relays.receive = () => null;
      expect(linkedFor(network, a, b, 20_000)).toBe(20_000);
      expect([a.relayTo(b), b.relayTo(a)]).not.toContain(second.id);
      expect(fateOfFrame(network, a, b)).toBe('arrived');
      expect(fateOfFrame(network, b, a)).toBe('arrived');
    }),
  );

  it.each(['an end', 'the relay'])('outlives the agent of %s, and is kept by the next one', (who) =>
    relayedSimulation(24, (network, nodes, relay) => {
      const [a, b] = nodes;
      const restarted = who === 'an end' ? a : relay;
      restarted.killAgent();
      network.run(500);
      expect(fateOfFrame(network, a, b)).toBe('arrived');
      restarted.startAgent();
      const frame = b.sendFrame(a.id, FRAME_BYTES);
      expect(linkedFor(network, a, b, 20_000)).toBe(20_000);
      expect(frame.state).toBe('arrived');
      expect([a.relayTo(b), b.relayTo(a)]).toEqual([relay.id, relay.id]);
      expect([openPairs(nodes), openChannels(nodes)]).toEqual([1, 2]);
    })(),
  );

  it.each(['an end', 'the relay'])('is there again after the router of %s was lost', (who) =>
    relayedSimulation(25, (network, nodes, relay) => {
      const [a, b] = nodes;
      (who === 'an end' ? a : relay).restartRouter();
      network.run(15_000);
      expect([a.stateOf(b), b.stateOf(a)]).toEqual(['up', 'up']);
      expect(isRelayed(a, b)).toBe(true);
      expect(fateOfFrame(network, a, b)).toBe('arrived');
      expect(fateOfFrame(network, b, a)).toBe('arrived');
    })(),
  );

  it(
    'is not asked of a node whose router knows no relays',
    convergedSimulation(3, 26, (network, nodes) => {
      const [a, b, c] = nodes as Trio;
      c.knowsRelays = false;
      c.connectRouter();
      cut(network, a, b);
      network.run(20_000);
      expect([a.relayTo(b), b.relayTo(a), openPairs(nodes)]).toEqual([null, null, 0]);
    }),
  );

  it(
    'takes no node for dead that two of its neighbours do not reach',
    convergedSimulation(NODES, 27, (network, nodes) => {
      const [a, b, c] = nodes as Trio;
      cut(network, a, b);
      cut(network, a, c);
      const isUp = (): boolean => nodes.every((node) => node === a || node.stateOf(a) !== 'down');
      expect(network.runWhile(isUp, 60_000)).toBe(60_000);
      const texts = nodes.flatMap(({ notices }) => notices.map(({ message }) => message));
      expect(texts.filter((text) => text.includes('reported dead'))).toEqual([]);
    }),
  );

  it.each(['an end', 'the other end'])('goes the direct way to %s that was never met without a relay', (who) =>
    relayedSimulation(29, (network, [a, b, seed]) => {
      const restarted = who === 'an end' ? a : b;
      restarted.kill();
      network.run(20_000);
      restarted.start([seed]);
      expect(network.runUntil(() => isRelayed(a, b), 30_000)).toBeLessThan(30_000);
      cut(network, a, b, false);
      expect(network.runUntil(() => a.relayTo(b) === null && b.relayTo(a) === null, 60_000)).toBeLessThan(60_000);
      network.run(5_000);
      expect(fateOfFrame(network, a, b)).toBe('arrived');
      expect(fateOfFrame(network, b, a)).toBe('arrived');
    })(),
  );

  it.each([
    ['one end', 1],
    ['both ends', 2],
  ])('stays when %s moved to another address, and goes the direct way there', (_who, moving) =>
    relayedSimulation(30, (network, [a, b]) => {
      [a, b].slice(0, moving).forEach((node, i) => {
        node.moveTo(200 + i);
        node.handle({ type: 'self', self: node.self });
      });
      network.run(20_000);
      expect(isRelayed(a, b)).toBe(true);
      expect(fateOfFrame(network, a, b)).toBe('arrived');
      cut(network, a, b, false);
      const isDirect = (): boolean => a.relayTo(b) === null && b.relayTo(a) === null;
      expect(network.runUntil(isDirect, 90_000)).toBeLessThan(90_000);
      expect(fateOfFrame(network, a, b)).toBe('arrived');
      expect(fateOfFrame(network, b, a)).toBe('arrived');
    })(),
  );

  it.each(['the relay', 'an end'])('ends with the revocation of %s, which is left with no channel and no pair', (who) =>
    relayedSimulation(33, (network, nodes, relay) => {
      const [a, b] = nodes;
      const revoked = who === 'the relay' ? relay : b;
      network.run(10_000);
      expect(isRelayed(a, b)).toBe(true);
      a.handle({ type: 'revoke', node: revoked.id, isRevoked: true });
      network.run(1_000);
      const others = nodes.filter((node) => node !== revoked);
      const ofRevoked = others.flatMap(({ router }) => [
        ...router!.relays.status.channels.filter((open) => open.relay === revoked.id || open.peer === revoked.id),
        ...router!.relays.status.pairs.filter(({ ends }) => ends.some(({ peer }) => peer === revoked.id)),
      ]);
      expect(ofRevoked).toEqual([]);
      network.run(5_000);
      if (revoked === relay) expect(fateOfFrame(network, a, b)).toBe('arrived');
      else expect(openPairs(others)).toBe(0);
    })(),
  );

  it(
    'goes down when the other end is dead, as fast as a direct one',
    convergedSimulation(NODES, 28, (network, nodes) => {
      const [a, b] = nodes as Trio;
      network.run(10_000);
      b.kill();
      expect(network.runUntil(() => a.stateOf(b) === 'down', 20_000)).toBeLessThan(7_500);
    }),
  );
});

describe('a data link through a relay', () => {
  const SIZE = 24;

  function unlinkedPair(nodes: readonly SimNode[]): [SimNode, SimNode] {
    for (const a of nodes) {
      const b = nodes.find((other) => other !== a && a.stateOf(other) === 'idle' && other.stateOf(a) === 'idle');
      if (b !== undefined) return [a, b];
    }
    throw new RangeError('every node is linked to every other');
  }

  function dataSimulation(
    seed: number,
    run: (network: SimNetwork, nodes: readonly SimNode[], a: SimNode, b: SimNode) => void,
  ): () => void {
    return simulation(seed, (network) => {
      const nodes = network.startCluster(SIZE);
      network.run(15_000);
      const [a, b] = unlinkedPair(nodes);
      cut(network, a, b);
      run(network, nodes, a, b);
    });
  }

  it(
    'carries the first frame within the time that it waits',
    dataSimulation(31, (network, _nodes, a, b) => {
      expect(fateOfFrame(network, a, b)).toBe('arrived');
      expect(isRelayed(a, b)).toBe(true);
    }),
  );

  it(
    'is closed with its channels when no frame passes, and made again by the next one',
    dataSimulation(32, (network, nodes, a, b) => {
      expect(fateOfFrame(network, a, b)).toBe('arrived');
      network.run(RELAY_IDLE_MS + QUIET_AFTER_MS + 10_000);
      expect([openPairs(nodes), openChannels(nodes)]).toEqual([0, 0]);
      expect([a.stateOf(b), b.stateOf(a)]).toEqual(['idle', 'idle']);
      expect(fateOfFrame(network, b, a)).toBe('arrived');
      expect(RELAY_IDLE_MS).toBeLessThan(CLOSE_AFTER_MS);
    }),
  );
});

describe('a member of ill will', () => {
  it(
    'opens a bounded number of channels at another one, which are of no use',
    convergedSimulation(NODES, 41, (network, nodes) => {
      const [a, liar] = nodes as Trio;
      const say = (round: number): void => {
        for (const { id: peer } of nodes.slice(2)) {
          const channel = { channel: 1 + round, token: new Uint8Array(8) };
          const bytes = encodeControl({ type: 'relayOpened', peer, channel, isComplete: false });
          a.handle({ type: 'control', peer: liar.id, bytes });
        }
      };
      for (let round = 0; round < 200; round++) say(round);
      network.run(5_000);
      expect(a.router!.relays.status.channels.length).toBeLessThanOrEqual(MAX_CHANNELS_PER_RELAY);
      network.run(CHANNEL_UNUSED_MS);
      expect(a.router!.relays.status.channels).toEqual([]);
      expect(nodes.slice(2).map((node) => a.relayTo(node))).toEqual([null, null, null, null]);
      expect(nodes.slice(2).map((node) => fateOfFrame(network, a, node))).toEqual(Array(4).fill('arrived'));
    }),
  );
});
