/** The first frame on a link on which nothing is sent while no frames pass (ADR 0048). */
import { describe, expect, it } from '@jest/globals';
import { FRAMES_WAIT_MS, QUIET_AFTER_MS, TOUCH_INTERVAL_MS } from './limits.js';
import type { SimFrame } from './testing/packet.js';
import type { SimNetwork } from './testing/sim-network.js';
import type { SimNode } from './testing/sim-node.js';
import { simulation } from './testing/simulation.js';

const SIZE = 20;
const QUIET_MS = QUIET_AFTER_MS + 5_000;
const NAT_PORT = 20_000;
const FRAME_BYTES = 200;

/** What becomes of a frame in the time that one may wait for a session. */
function fateOfFrame(network: SimNetwork, from: SimNode, to: SimNode): SimFrame['state'] {
  const frame = from.sendFrame(to.id, FRAME_BYTES);
  network.run(FRAMES_WAIT_MS + 1);
  return frame.state;
}

/** Two nodes that are no neighbours, and the link that a frame has made some time ago. */
function quietSimulation(seed: number, run: (network: SimNetwork, a: SimNode, b: SimNode) => void): () => void {
  return simulation(seed, (network) => {
    const nodes = network.startCluster(SIZE);
    network.run(10_000);
    const a = nodes[1]!;
    const b = nodes.find((node) => node !== a && a.stateOf(node) === 'idle')!;
    expect(fateOfFrame(network, a, b)).toBe('arrived');
    network.run(QUIET_MS);
    expect([a.stateOf(b), b.stateOf(a)]).toEqual(['up', 'up']);
    run(network, a, b);
  });
}

describe('the first frame on a quiet link', () => {
  it(
    'arrives at once when nothing has changed, and brings no handshake',
    quietSimulation(1, (network, a, b) => {
      const { sessions } = a.router!;
      const before = [...sessions.keys()];
      const frame = a.sendFrame(b.id, FRAME_BYTES);
      network.run(FRAMES_WAIT_MS);
      expect(frame.endedMs! - frame.sentMs).toBeLessThan(100);
      expect([...sessions.keys()]).toEqual(before);
    }),
  );

  it(
    'arrives when the peer has another address, which nobody has told yet',
    quietSimulation(2, (network, a, b) => {
      b.rebind(NAT_PORT);
      network.run(QUIET_MS);
      expect(a.router!.paths.get(b.id)!.endpoint.port).toBe(NAT_PORT);
      b.rebind(NAT_PORT + 1);
      expect(fateOfFrame(network, a, b)).toBe('arrived');
    }),
  );

  it(
    'arrives when the peer has lost the session',
    quietSimulation(3, (network, a, b) => {
      const { router } = b;
      for (const [localIndex, { keys }] of [...router!.sessions]) {
        if (keys.peer === a.id) router!.apply({ type: 'removeSession', localIndex }, network.nowMs);
      }
      expect(fateOfFrame(network, a, b)).toBe('arrived');
    }),
  );

  it(
    'arrives through a relay when the path is gone',
    quietSimulation(4, (network, a, b) => {
      network.paths.changeBetween([a], [b], { isBlocked: true });
      expect(fateOfFrame(network, a, b)).toBe('arrived');
      expect(a.relayTo(b)).not.toBe(null);
    }),
  );

  it(
    'is refused within 3 s when the peer is dead and nobody has told',
    quietSimulation(5, (network, a, b) => {
      b.kill();
      const frame = a.sendFrame(b.id, FRAME_BYTES);
      network.run(FRAMES_WAIT_MS + 1);
      expect(frame.state).toBe('refused');
    }),
  );
});

describe('a node that has moved twice in a short time', () => {
  it(
    'is reached at its last address by all with a quiet link to it',
    quietSimulation(6, (network, a, b) => {
      b.rebind(NAT_PORT);
      network.run(3_000);
      b.rebind(null);
      network.run(TOUCH_INTERVAL_MS + 2_000);
      expect(a.router!.paths.get(b.id)!.endpoint).toEqual(b.address);
    }),
  );
});
