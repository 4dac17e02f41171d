/** What an answer to a probe leads to on a steady link, where most of all answers show what was known. */
import { describe, expect, it } from '@jest/globals';
import { LIVENESS_PROBE_BYTES, QUIET_AFTER_MS } from './limits.js';
import type { MeshEffect } from './mesh-io.js';
import { SimNetwork } from './testing/sim-network.js';
import type { SimNode } from './testing/sim-node.js';

type Probe = Extract<MeshEffect, { type: 'probe' }>;

const NAT_PORT = 20_000;
const LARGEST_BYTES = 1500;

/** The core of a node, which hears from now on what the test says. */
class Hearing {
  readonly #node: SimNode;
  readonly #peer: SimNode;
  #nowMs: number;

  constructor(network: SimNetwork, node: SimNode, peer: SimNode) {
    this.#node = node;
    this.#peer = peer;
    this.#nowMs = network.nowMs;
  }

  /** An answer of the peer, which sees the node at this port. */
  answer(sizeBytes: number, port = this.#node.address.port): MeshEffect[] {
    const { ip } = this.#node.address;
    const probe = { peer: this.#peer.id, probeId: 1, sizeBytes, roundTripUs: 2000, observed: { ip, port } };
    return this.#node.mesh!.handle({ type: 'probeAnswer', ...probe }, this.#nowMs);
  }

  /** Goes on to the next time that something is due. */
  tick(): MeshEffect[] {
    this.#nowMs = Math.max(this.#nowMs, this.#node.mesh!.pollAt()!);
    return this.#node.mesh!.handle({ type: 'tick' }, this.#nowMs);
  }
}

function probesOf(effects: readonly MeshEffect[]): Probe[] {
  return effects.filter((effect) => effect.type === 'probe');
}

/** A node with links to its neighbours and one quiet link. */
function withQuietLink(): { hearing: Hearing; quiet: SimNode } {
  const network = new SimNetwork(1);
  const nodes = network.startCluster(20);
  network.run(10_000);
  const node = nodes[1]!;
  const quiet = nodes.find((other) => other !== node && node.stateOf(other) === 'idle')!;
  const neighbour = nodes.find((other) => other !== node && node.stateOf(other) === 'up')!;
  node.sendFrame(quiet.id, 200);
  network.run(QUIET_AFTER_MS + 5_000);
  return { hearing: new Hearing(network, node, neighbour), quiet };
}

describe('an answer to a probe on a steady link', () => {
  it('leads to nothing when the peer sees this node where it was', () => {
    const { hearing } = withQuietLink();
    hearing.tick();
    expect(hearing.answer(LIVENESS_PROBE_BYTES)).toEqual([]);
  });

  it('leads to a probe on each quiet link when the peer sees this node elsewhere', () => {
    const { hearing, quiet } = withQuietLink();
    hearing.tick();
    const probed = probesOf(hearing.answer(LIVENESS_PROBE_BYTES, NAT_PORT)).map(({ peer }) => peer);
    const later = probesOf(hearing.tick()).map(({ peer }) => peer);
    expect([...probed, ...later]).toContain(quiet.id);
    expect(probesOf(hearing.answer(LIVENESS_PROBE_BYTES, NAT_PORT))).toEqual([]);
  });

  it('is followed at once by the next size while the path MTU is searched', () => {
    const network = new SimNetwork(1);
    network.paths.changeAll({ mtuBytes: 1400 });
    const [node, peer] = network.startCluster(2) as [SimNode, SimNode];
    network.runUntil(() => node.stateOf(peer) === 'up', 10_000);
    const hearing = new Hearing(network, node, peer);
    let tried: number | undefined;
    for (let i = 0; i < 100 && tried === undefined; i++) {
      const sizes = probesOf(hearing.tick()).map(({ sizeBytes }) => sizeBytes);
      tried = sizes.find((size) => size > LIVENESS_PROBE_BYTES && size < LARGEST_BYTES);
      if (tried === undefined) hearing.answer(LIVENESS_PROBE_BYTES);
    }
    const [next] = probesOf(hearing.answer(tried!));
    expect(next!.sizeBytes).toBeGreaterThan(tried!);
  });
});
