/** Source of invented answers for tests: three nodes, this one among them. */
import type { Endpoint, LinkState, Peer, RevokedNode, Route, Status, Topology } from '../../../common/api.js';
import type { ApiSource, PolicySource } from '../api-source.js';

const SINCE = '2026-01-02T03:04:05.000Z';

export const FAKE_SELF_ID = 'aa'.repeat(16);

export function fakePeer(name: string, digit: string, state: LinkState = 'up'): Peer {
  const up = state === 'up';
  return {
    id: digit.repeat(32),
    name,
    publicKey: 'cHVibGljLWtleQ==',
    endpoint: up ? '192.0.2.2:6785' : null,
    path: up ? 'direct' : 'none',
    state,
    reason: up ? 'the peer answers' : 'no answer for 12 s',
    cipher: up ? 'aes-256-gcm' : null,
    rttMs: up ? 0.5 : null,
    mtuBytes: up ? 1500 : null,
    lossRatio: 0.01,
    rxBytes: 1000,
    txBytes: 2000,
    rxFrames: 10,
    txFrames: 20,
    podCidrs: ['10.42.1.0/24'],
    since: SINCE,
    lastHandshake: up ? SINCE : null,
    version: '0.1.0',
  };
}

function fakeStatus(): Status {
  return {
    id: FAKE_SELF_ID,
    name: 'node-a',
    publicKey: 'cHVibGljLWtleQ==',
    version: '0.1.0',
    ready: true,
    conditions: [{ name: 'router', ok: true, message: '' }],
    startedAt: SINCE,
    listen: '0.0.0.0:6785',
    underlayAddresses: ['192.0.2.1'],
    podCidrs: ['10.42.0.0/24'],
    clusterCidrs: ['10.42.0.0/16'],
    podMtuBytes: 1400,
    cipher: 'aes-256-gcm',
    router: { connected: true, instance: 'r1', tap: 'heddle-tap' },
    addresses: [{ cidr: '10.42.0.0/24', total: 253, used: 3, quarantined: 1 }],
    peers: { total: 2, up: 1 },
    drops: { 'no-route': 4 },
  };
}

/** Everything is a plain field: a test changes it and calls `announce()`. */
export class FakeSource implements ApiSource {
  currentStatus: Status = fakeStatus();
  currentPeers: Peer[] = [fakePeer('node-b', 'b'), fakePeer('node-c', 'c', 'down')];
  currentCounters: Record<string, number> = { handshakes_started: 7 };
  currentTopology: Topology = { at: SINCE, nodes: [], links: [] };
  isComplete = true;
  readonly listeners = new Set<() => void>();

  status(): Status {
    return this.currentStatus;
  }
  peers(): readonly Peer[] {
    return this.currentPeers;
  }
  routes(): readonly Route[] {
    return [
      { cidr: '10.42.0.0/24', node: 'node-a', nodeId: FAKE_SELF_ID, via: 'local', conflict: null },
      { cidr: '10.42.1.0/24', node: 'node-b', nodeId: 'b'.repeat(32), via: 'link', conflict: 'node-c' },
    ];
  }
  endpoints(): readonly Endpoint[] {
    return [
      {
        containerId: 'c1',
        ifname: 'eth0',
        netns: '/run/netns/pod-a',
        hostInterface: 'heddle1',
        mac: '0a:58:0a:2a:00:02',
        ips: ['10.42.0.2'],
        podNamespace: 'default',
        podName: 'web-0',
        since: SINCE,
      },
    ];
  }
  topology(): Topology {
    return this.currentTopology;
  }
  readonly decisions: (readonly [key: string, isRevoked: boolean])[] = [];
  decide(key: string, isRevoked: boolean): RevokedNode {
    this.decisions.push([key, isRevoked]);
    return { id: 'b'.repeat(32), name: key, by: 'node-a', at: SINCE };
  }
  currentPolicies: PolicySource | null = null;
  policies(): PolicySource | null {
    return this.currentPolicies;
  }
  topologyIsComplete(): boolean {
    return this.isComplete;
  }

  counters(): Readonly<Record<string, number>> {
    return this.currentCounters;
  }
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
  announce(): void {
    for (const listener of this.listeners) listener();
  }
}
