import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { ClusterKeys } from './cluster-keys.js';
import { encodeHandshake, readHandshake } from '../../common/wire/handshake-datagram.js';
import { MAX_PENDING_RESPONSES } from '../limits.js';
import { SimNetwork } from '../testing/sim-network.js';
import { SECRET } from '../testing/sim-node.js';
import type { SimNode } from '../testing/sim-node.js';

const KEYS = new ClusterKeys(SECRET);

/** A small cluster and all handshake datagrams that made it. */
function recorded(): { network: SimNetwork; node: SimNode; datagrams: Uint8Array[] } {
  const network = new SimNetwork(21);
  const [node] = network.startCluster(3);
  network.run(3_000);
  return { network, node: node!, datagrams: network.captured.map(({ bytes }) => bytes) };
}

const anyMutation = fc.record({
  pick: fc.nat(),
  at: fc.nat(),
  byte: fc.nat(255),
  cut: fc.option(fc.nat(1200)),
  source: fc.nat(65_535),
  /** With a good MAC, as a sender makes it that knows the cluster secret. */
  insider: fc.boolean(),
});

describe('arbitrary datagrams', () => {
  it('do not make the core throw, grow beyond its bounds or lose its links', () => {
    const runs = fuzzRuns(80);
    const { network, node, datagrams } = recorded();
    expect(new Set(datagrams.map(([type]) => type))).toEqual(new Set([1, 2, 3, 4]));
    fc.assert(
      fc.property(anyMutation, ({ pick, at, byte, cut, source, insider }) => {
        let bytes = new Uint8Array(datagrams[pick % datagrams.length]!).slice(0, cut ?? undefined);
        if (bytes.length > 0) bytes[at % bytes.length] = byte;
        const parsed = insider ? readHandshake(bytes) : null;
        if (parsed !== null) bytes = new Uint8Array(encodeHandshake(parsed, KEYS));
        network.skip(50);
        node.handle({ type: 'datagram', from: parseSocketAddress(`10.1.${source >> 8}.${source & 255}:9`), bytes });
      }),
      { numRuns: runs },
    );
    const counters = node.mesh!.counters();
    expect(counters['pendingHandshakes']).toBeLessThanOrEqual(MAX_PENDING_RESPONSES);
    // Every third is one that an outsider changed.
    expect(counters['handshakeBadMac']).toBeGreaterThan(runs / 10);
    network.run(30_000);
    expect(node.mesh!.counters()['members']).toBe(2);
    expect(node.mesh!.counters()['pendingHandshakes']).toBe(0);
  });

  it('of random bytes, of every type, are not answered', () => {
    const { network, node } = recorded();
    fc.assert(
      fc.property(fc.nat(9), fc.uint8Array({ maxLength: 300 }), (type, body) => {
        const bytes = Uint8Array.of(type, 0, 0, 1, 0, 0, 0, 0, ...new Uint8Array(8), ...body);
        const effects = node.mesh!.handle(
          { type: 'datagram', from: parseSocketAddress('10.9.9.9:9'), bytes },
          network.nowMs,
        );
        expect(effects.filter((effect) => effect.type === 'sendDatagram')).toEqual([]);
      }),
    );
  });

  it('with control messages of random bytes are counted, and the link stays up', () => {
    const { network, node } = recorded();
    const peer = network.nodes[1]!.id;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        node.handle({ type: 'control', peer, bytes });
      }),
    );
    expect(node.mesh!.counters()['malformedControl']).toBeGreaterThan(50);
    expect(node.stateOf(network.nodes[1]!)).toBe('up');
  });
});
