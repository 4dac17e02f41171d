import { describe, expect, it } from '@jest/globals';
import { FirstPackets } from './checks/first-packets.js';
import { Traffic } from './checks/traffic.js';
import { Violations } from './checks/violations.js';
import { SimCluster } from './sim-cluster.js';

/** Without a fault for so long, nodes count as calm. */
const CALM_MS = 16_000;
const TRAFFIC_MS = 5_000;
/** Until each frame has arrived or was refused. */
const ANSWERS_MS = 4_000;

describe('a first packet', () => {
  it('to a member without a link arrives in 50 ms where no datagram is lost, and none is lost', () => {
    const cluster = new SimCluster(1, 1, () => undefined);
    const { network } = cluster;
    cluster.start(28);
    network.run(CALM_MS);
    const traffic = new Traffic(cluster, new Violations(cluster), 1);
    traffic.run(network.nowMs + TRAFFIC_MS);
    network.run(TRAFFIC_MS + ANSWERS_MS);
    const { times, lost } = traffic.firstPackets;
    expect(lost).toBe(0);
    // A handshake of three messages and one way of the path, of at least 1 ms each.
    expect(times!.p50).toBeGreaterThan(4);
    expect(times!.p99).toBeLessThan(50);
  });

  it('counts as lost when it was refused, or still waits', () => {
    const packets = new FirstPackets();
    expect(packets.times).toBeNull();
    for (const [state, endedMs] of [
      ['arrived', 12],
      ['arrived', 14],
      ['refused', 3_000],
      ['waiting', null],
    ] as const) {
      packets.add({ sizeBytes: 100, sentMs: 2, state, endedMs });
    }
    expect(packets).toMatchObject({ lost: 2, times: { p50: 10, p99: 12 } });
  });
});
