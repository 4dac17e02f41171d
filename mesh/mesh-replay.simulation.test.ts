import { describe, expect, it } from '@jest/globals';
import { formatSocketAddress, parseSocketAddress } from '../common/address/socket-address.js';
import { COOKIE_DATAGRAM_BYTES } from '../common/wire/cookie-datagram.js';
import { TYPE_INITIATION } from '../common/wire/datagram-header.js';
import type { SimNetwork } from './testing/sim-network.js';
import { isFullMesh } from './testing/sim-node.js';
import type { SimNode } from './testing/sim-node.js';
import { convergedSimulation, simulation } from './testing/simulation.js';

/** Sends every recorded handshake datagram to every node, each from another address; gives what the nodes sent back. */
function replayAll(network: SimNetwork, nodes: readonly SimNode[], recorded: readonly Uint8Array[]): Uint8Array[] {
  const sentBefore = network.captured.length;
  const strangers = new Set<string>();
  for (const node of nodes) {
    recorded.forEach((bytes, index) => {
      const stranger = parseSocketAddress(`198.51.${100 + (index >> 8)}.${index & 255}:6785`);
      strangers.add(formatSocketAddress(stranger));
      node.router?.receive(stranger, { kind: 'datagram', bytes }, network.nowMs);
      network.run(5);
    });
  }
  network.run(12_000);
  const sent = network.captured.slice(sentBefore);
  return sent.filter(({ to }) => strangers.has(formatSocketAddress(to))).map(({ bytes }) => bytes);
}

/** What an attacker recorded so far, with the handshakes of a node that joins last, and of one that starts anew. */
function record(network: SimNetwork, nodes: readonly SimNode[]): Uint8Array[] {
  const late = nodes.at(-1)!;
  late.kill();
  network.run(8_000);
  late.start([nodes[0]!]);
  expect(network.runUntil(() => isFullMesh(nodes), 20_000)).toBeLessThan(15_000);
  network.run(5_000);
  return network.captured.map(({ bytes }) => bytes);
}

describe('a replayed handshake datagram', () => {
  it(
    'gets no answer from any node',
    convergedSimulation(4, 1, (network, nodes) => {
      const recorded = record(network, nodes);
      expect(replayAll(network, nodes, recorded)).toEqual([]);
      expect(isFullMesh(nodes)).toBe(true);
    }),
  );

  it(
    'gets no answer after the agents or the machines have restarted',
    convergedSimulation(4, 2, (network, nodes) => {
      const recorded = record(network, nodes);
      for (const node of nodes) node.killAgent();
      for (const node of nodes) node.startAgent();
      expect(replayAll(network, nodes, recorded)).toEqual([]);
      for (const node of nodes) node.kill();
      network.run(1_000);
      for (const node of nodes) node.start();
      expect(replayAll(network, nodes, recorded)).toEqual([]);
      expect(isFullMesh(nodes)).toBe(true);
    }),
  );

  it(
    'gets no answer at once after a restart, when no link is up yet',
    convergedSimulation(3, 3, (network, nodes) => {
      const recorded = record(network, nodes);
      const [target, ...others] = nodes;
      for (const other of others) other.kill();
      target!.kill();
      target!.start();
      expect(replayAll(network, [target!], recorded)).toEqual([]);
    }),
  );

  it(
    'gets at most a cookie from a node that has lost its state and knows nobody',
    convergedSimulation(3, 4, (network, nodes) => {
      const recorded = record(network, nodes);
      const [target, ...others] = nodes;
      for (const node of others) node.kill();
      target!.kill();
      target!.loseState();
      target!.start();
      const answers = replayAll(network, [target!], recorded);
      expect(answers.every((bytes) => bytes.length === COOKIE_DATAGRAM_BYTES)).toBe(true);
    }),
  );

  it(
    'gets no answer while the handshake that it belongs to is in progress',
    convergedSimulation(2, 5, (network, [a, b]) => {
      const stranger = parseSocketAddress('198.51.100.1:6785');
      b!.kill();
      network.run(20_000);
      network.paths.changeOneWay(a!, b!, { isBlocked: true });
      b!.start();
      network.run(2_000);
      const recorded = network.captured.filter(({ from }) => from.ip === b!.address.ip).map(({ bytes }) => bytes);
      const sentBefore = network.captured.length;
      for (const bytes of recorded) a!.router?.receive(stranger, { kind: 'datagram', bytes }, network.nowMs);
      network.run(500);
      expect(network.captured.slice(sentBefore).filter(({ to }) => to.ip === stranger.ip)).toEqual([]);
    }),
  );
});

describe('the first advert of a node that starts', () => {
  it(
    'voids what it has sent to its seeds, so that no second one follows',
    simulation(7, (network) => {
      const seeds = [network.addNode(), network.addNode(), network.addNode()];
      for (const seed of seeds) seed.start(seeds.filter((other) => other !== seed));
      const nodes = [...seeds, ...Array.from({ length: 9 }, () => network.addNode())];
      for (const node of nodes.slice(seeds.length)) node.start(seeds);
      expect(network.runUntil(() => isFullMesh(nodes), 20_000)).toBeLessThan(15_000);
      network.run(5_000);
      const learned = nodes.map(({ mesh }) => mesh!.learnedAdverts);
      expect(learned).toEqual(nodes.map(() => nodes.length - 1));
      const initiations = network.captured.filter(({ bytes }) => bytes[0] === TYPE_INITIATION);
      const recorded = initiations.map(({ bytes }) => bytes);
      expect(replayAll(network, nodes, recorded)).toEqual([]);
    }),
  );
});

describe('a node whose clock goes back', () => {
  it(
    'is not locked out after a restart',
    convergedSimulation(3, 6, (network, nodes) => {
      const node = nodes[2]!;
      node.kill();
      network.run(8_000);
      node.setWallClockBack(24 * 3_600_000);
      node.start([nodes[0]!]);
      expect(network.runUntil(() => isFullMesh(nodes), 20_000)).toBeLessThan(3_000);
    }),
  );
});
