/** Small invented topologies for tests. */
import type { Topology, TopologyLink, TopologyNode } from '../../../common/api.js';

export function fakeNode(id: string, more: Partial<TopologyNode> = {}): TopologyNode {
  return {
    id,
    name: `node-${id}`,
    self: false,
    state: 'up',
    endpoint: null,
    podCidrs: [],
    pods: [],
    podCount: more.pods?.length ?? 0,
    version: '0.1.0',
    ...more,
  };
}

export function fakeLink(a: string, b: string, more: Partial<TopologyLink> = {}): TopologyLink {
  return {
    a,
    b,
    state: 'up',
    path: 'direct',
    cipher: 'aes-256-gcm',
    rttMs: 1,
    mtuBytes: 1500,
    lossRatio: 0,
    abBitsPerSecond: 10,
    baBitsPerSecond: 20,
    ...more,
  };
}

export function fakeTopology(nodes: readonly TopologyNode[], links: readonly TopologyLink[] = []): Topology {
  return { at: '2026-01-01T00:00:00Z', nodes: [...nodes], links: [...links] };
}
