import { describe, expect, it } from '@jest/globals';
import { fakePeer, FakeSource } from './testing/fake-source.js';
import { createMetrics, MAX_PEER_SERIES } from './metrics.js';

describe('metrics', () => {
  it('says what the source says at the time of the scrape', async () => {
    const source = new FakeSource();
    const metrics = createMetrics(source, () => 3);
    await metrics.render();
    source.currentPeers = [fakePeer('node-b', 'b')];
    source.currentStatus = { ...source.currentStatus, relays: { pairs: 2, peers: 1 } };
    const lines = (await metrics.render()).split('\n');
    const peer = `peer="node-b",id="${'b'.repeat(32)}"`;
    expect(lines).toEqual(
      expect.arrayContaining([
        'heddle_build_info{version="0.1.0",cipher="aes-256-gcm"} 1',
        'heddle_peers{state="up"} 1',
        'heddle_relayed_pairs 2',
        'heddle_relayed_peers 1',
        'heddle_peers{state="down"} 0',
        `heddle_peer_rtt_seconds{${peer}} 0.0005`,
        `heddle_peer_mtu_bytes{${peer}} 1500`,
        `heddle_peer_transmit_bytes_total{${peer}} 2000`,
        'heddle_drops_total{reason="no-route"} 4',
        'heddle_ipam_addresses{cidr="10.42.0.0/24",state="free"} 249',
        'heddle_routes{via="link"} 1',
        'heddle_route_conflicts 1',
        'heddle_condition{condition="router"} 1',
        'heddle_handshakes_started_total 7',
        'heddle_api_event_clients 3',
      ]),
    );
    expect(lines.some((line) => line.includes('node-c'))).toBe(false);
    expect(lines.some((line) => line.startsWith('process_cpu_seconds_total'))).toBe(true);
  });

  it('leaves out values that a peer does not have yet', async () => {
    const source = new FakeSource();
    source.currentPeers = [fakePeer('node-c', 'c', 'down')];
    expect(await createMetrics(source, () => 0).render()).not.toMatch(/heddle_peer_rtt_seconds\{/);
  });

  it('bounds the series of peers and counts those it leaves out', async () => {
    const source = new FakeSource();
    source.currentPeers = Array.from({ length: MAX_PEER_SERIES + 5 }, (_, index) => ({
      ...fakePeer(`node-${index}`, 'b'),
      id: index.toString(16).padStart(32, '0'),
    }));
    const text = await createMetrics(source, () => 0).render();
    expect(text.match(/^heddle_peer_up\{/gm)).toHaveLength(MAX_PEER_SERIES);
    expect(text).toContain('heddle_peers_unlisted 5\n');
  });

  it('leaves out counters whose names are not metric names', async () => {
    const source = new FakeSource();
    source.currentCounters = { 'bad name': 1, good_name: 2 };
    const text = await createMetrics(source, () => 0).render();
    expect(text).toContain('heddle_good_name_total 2\n');
    expect(text).not.toContain('bad name');
  });
});
