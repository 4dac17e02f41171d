import { describe, expect, it } from '@jest/globals';
import { EARLY_FRAMES_MS } from './limits.js';
import type { MeshEffect } from './mesh-io.js';
import type { Packet } from './testing/packet.js';
import type { SimNetwork } from './testing/sim-network.js';
import type { SimNode } from './testing/sim-node.js';
import { simulation } from './testing/simulation.js';
import { TYPE_CONFIRMATION } from '../common/wire/datagram-header.js';

/** More than can all be neighbours. */
const NODES = 20;
const FRAME_BYTES = 1000;
const CALM_MS = 8_000;
const DELAY_MS = 10;

/** A cluster with two members that have no link, and whose paths take exactly {@link DELAY_MS} each way. */
function strangers(seed: number, run: (network: SimNetwork, a: SimNode, b: SimNode) => void): () => void {
  return simulation(seed, (network) => {
    network.startCluster(NODES);
    network.run(CALM_MS);
    const [a, b] = network.nodes
      .flatMap((from) => network.nodes.map((to) => [from, to] as const))
      .find(([from, to]) => from !== to && from.stateOf(to) === 'idle' && to.stateOf(from) === 'idle')!;
    network.paths.changeBetween([a], [b], { delayMs: DELAY_MS, jitterMs: 0 });
    run(network, a, b);
  });
}

function isConfirmation(packet: Packet): boolean {
  return packet.kind === 'datagram' && packet.bytes[0] === TYPE_CONFIRMATION;
}

/** From now on `from` loses confirmations, until the returned function is called. */
function loseConfirmations(from: SimNode): () => void {
  const router = from.router!;
  const apply = router.apply.bind(router);
  router.apply = (effect, nowMs) => {
    if (effect.type === 'sendDatagram' && isConfirmation({ kind: 'datagram', bytes: effect.bytes })) return;
    apply(effect, nowMs);
  };
  return () => {
    router.apply = apply;
  };
}

/** `node` connects to a router that keeps nothing, as one of an older version. */
function useOldRouter(node: SimNode): void {
  node.keepsEarly = false;
  node.connectRouter();
}

/** The time of the first frame, as one-way delays of the path. */
function delaysOfFirst(network: SimNetwork, a: SimNode, b: SimNode): number {
  const frame = a.sendFrame(b.id, FRAME_BYTES);
  network.run(1_000);
  expect(frame.state).toBe('arrived');
  return (frame.endedMs! - frame.sentMs) / DELAY_MS;
}

describe('the first frame to a member without a link', () => {
  it(
    'follows the confirmation at once: it takes a round trip and one way',
    strangers(1, (network, a, b) => {
      expect(delaysOfFirst(network, a, b)).toBeCloseTo(3);
      expect([a.stateOf(b), b.stateOf(a)]).toEqual(['up', 'up']);
      expect(b.router!.early).toMatchObject({ full: 0, expired: 0 });
    }),
  );

  it(
    'waits a round trip more for a peer whose router keeps nothing',
    strangers(2, (network, a, b) => {
      useOldRouter(b);
      expect(delaysOfFirst(network, a, b)).toBeCloseTo(5);
    }),
  );

  it(
    'waits a round trip more with a router of its own that cannot be told to seal no more',
    strangers(3, (network, a, b) => {
      useOldRouter(a);
      expect(delaysOfFirst(network, a, b)).toBeCloseTo(5);
    }),
  );

  it(
    'arrives although the first confirmation is lost, and so do those behind it',
    strangers(4, (network, a, b) => {
      const heal = loseConfirmations(a);
      const frames = [a.sendFrame(b.id, FRAME_BYTES)];
      network.run(3 * DELAY_MS);
      for (let i = 0; i < 5; i++) frames.push(a.sendFrame(b.id, FRAME_BYTES));
      network.run(2 * DELAY_MS);
      expect(frames.map(({ state }) => state)).toEqual(frames.map(() => 'onWay'));
      expect(b.stateOf(a)).toBe('idle');
      heal();
      network.run(200);
      expect(frames.map(({ state }) => state)).toEqual(frames.map(() => 'arrived'));
    }),
  );

  it(
    'is never opened when no confirmation comes, and later ones wait in the router of their sender, who hears of it',
    strangers(5, (network, a, b) => {
      loseConfirmations(a);
      const first = a.sendFrame(b.id, FRAME_BYTES);
      network.run(2 * EARLY_FRAMES_MS);
      const later = a.sendFrame(b.id, FRAME_BYTES);
      network.run(4_000);
      expect(first.state).toBe('onWay');
      expect(later.state).toBe('refused');
      expect(b.stateOf(a)).toBe('idle');
    }),
  );

  it(
    'waits again where it waited too long, and arrives when the confirmation does',
    strangers(6, (network, a, b) => {
      const heal = loseConfirmations(a);
      a.sendFrame(b.id, FRAME_BYTES);
      network.run(2 * EARLY_FRAMES_MS);
      const later = a.sendFrame(b.id, FRAME_BYTES);
      expect(later.state).toBe('waiting');
      heal();
      network.run(1_000);
      expect(later.state).toBe('arrived');
    }),
  );
});

describe('the router of a responder', () => {
  it(
    'hears of the index before the response is sent, and that no session follows when the authority does not know the peer',
    simulation(9, (network) => {
      const [a, b] = [network.addNode(), network.addNode({ needsAuthority: true, authority: () => 'away' })];
      b.start();
      a.start([b]);
      const commands: MeshEffect[] = [];
      const router = b.router!;
      const apply = router.apply.bind(router);
      router.apply = (effect, nowMs) => {
        commands.push(effect);
        apply(effect, nowMs);
      };
      network.run(1_000);
      const announced = commands.findIndex(({ type }) => type === 'expectSession');
      const { localIndex } = commands[announced] as Extract<MeshEffect, { type: 'expectSession' }>;
      expect(commands[announced + 1]).toMatchObject({ type: 'sendDatagram' });
      expect(commands).toContainEqual({ type: 'removeSession', localIndex });
      expect(commands.map(({ type }) => type)).not.toContain('installSession');
    }),
  );
});

describe('frames between two members that dial each other', () => {
  it(
    'all arrive, whichever handshake wins',
    strangers(8, (network, a, b) => {
      const frames = [a.sendFrame(b.id, FRAME_BYTES), b.sendFrame(a.id, FRAME_BYTES)];
      network.run(15);
      frames.push(a.sendFrame(b.id, FRAME_BYTES), b.sendFrame(a.id, FRAME_BYTES));
      network.run(2_000);
      expect(frames.map(({ state }) => state)).toEqual(frames.map(() => 'arrived'));
    }),
  );
});
