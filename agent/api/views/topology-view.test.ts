import { describe, expect, it } from '@jest/globals';
import { parseCidr } from '../../../common/address/cidr.js';
import { parseIpAddress } from '../../../common/address/ip-address.js';
import type { NodeId } from '../../../common/node-id.js';
import type { PeerCounters } from '../../../common/router-port.js';
import { parseSocketAddress } from '../../../common/address/socket-address.js';
import type { MemberView, RemoteLinkView, RemotePodsView } from '../../../mesh/index.js';
import { ReportedCounters } from './reported-counters.js';
import { TopologyView } from './topology-view.js';
import type { TopologyInput } from './topology-view.js';

const id = (digit: string) => digit.repeat(32) as NodeId;
const member = (digit: string, name: string, extra: Partial<MemberView> = {}): MemberView => ({
  id: id(digit),
  name,
  publicKey: new Uint8Array(32),
  secretIds: null,
  version: '0.1.0',
  podCidrs: [parseCidr('10.1.2.0/24')],
  endpoint: parseSocketAddress('192.0.2.2:6785'),
  relay: null,
  relayReason: null,
  state: 'up',
  reason: '',
  cipher: 'aes-256-gcm',
  rttMs: 1.5,
  mtuBytes: 1500,
  sinceMs: 0,
  lastHandshakeMs: null,
  ...extra,
});
const counters = (digit: string, txBytes: number, rxBytes: number): PeerCounters => ({
  peer: id(digit),
  txBytes,
  rxBytes,
  txFrames: 1,
  rxFrames: 1,
  lastReceivedMsAgo: 5,
  lossRatio: 0.25,
});
const remote = (a: string, b: string, extra: Partial<RemoteLinkView> = {}): RemoteLinkView => ({
  a: id(a),
  b: id(b),
  state: 'up',
  rttMs: 2,
  mtuBytes: 1400,
  cipher: 'chacha20-poly1305',
  isRelayed: false,
  abBytes: 0,
  baBytes: 0,
  ageMs: 0,
  ...extra,
});
const report = (...peers: PeerCounters[]) => ({ type: 'counters' as const, drops: {}, peers, sessions: [] });
function reportedOnce(): ReportedCounters {
  const reported = new ReportedCounters();
  reported.take(report(counters('b', 0, 0)), 9_000);
  return reported;
}
const input = (extra: Partial<TopologyInput> = {}): TopologyInput => ({
  at: new Date('2026-01-01T00:00:00Z'),
  nowMs: 10_000,
  self: { id: id('a'), name: 'node-a', endpoint: '192.0.2.1:6785', podCidrs: ['10.1.1.0/24'], version: '0.1.0' },
  endpoints: [],
  members: [member('b', 'node-b'), member('c', 'node-c', { state: 'down', endpoint: null })],
  counters: reportedOnce(),
  remoteLinks: [],
  remotePods: [],
  reports: { received: 1, expected: 2, complete: false },
  ...extra,
});

describe('TopologyView', () => {
  it('draws this node, every member and the own link to each', () => {
    const { nodes, links } = new TopologyView().draw(input());
    expect(nodes.map(({ name, state }) => [name, state])).toEqual([
      ['node-a', 'self'],
      ['node-b', 'up'],
      ['node-c', 'down'],
    ]);
    expect(links.map(({ a, b, state, path }) => [a[0], b[0], state, path])).toEqual([
      ['a', 'b', 'up', 'direct'],
      ['a', 'c', 'down', 'none'],
    ]);
    expect(links[0]).toMatchObject({ cipher: 'aes-256-gcm', lossRatio: 0.25 });
  });

  it('names pods as people do, and by container id when they have no name', () => {
    const pod = {
      containerId: '0123456789abcdef',
      ifname: 'eth0',
      netns: '/n',
      hostInterface: 'hd1',
      mac: 'm',
      since: '',
    };
    const endpoints = [
      { ...pod, ips: ['10.1.1.2'], podNamespace: 'default', podName: 'web-0' },
      { ...pod, ips: ['10.1.1.3'], podNamespace: null, podName: null },
    ];
    expect(new TopologyView().draw(input({ endpoints })).nodes[0]?.pods.map(({ name }) => name)).toEqual([
      'default/web-0',
      '0123456789ab',
    ]);
  });

  it('shows the pods of other nodes as they tell them, and says of whom it does not know them', () => {
    const pods = [{ name: 'default/web-1', ips: [parseIpAddress('10.1.2.2'), parseIpAddress('fd00::2')] }];
    const report: RemotePodsView = { node: id('b'), pods, podCount: 300, ageMs: 900 };
    const stranger = { ...report, node: id('f') };
    const { nodes, reports } = new TopologyView().draw(input({ remotePods: [report, stranger] }));
    expect(reports).toEqual({ received: 1, expected: 2 });
    const at = nodes[0]!.podsReportedAt!;
    expect(Date.parse(at) - Date.parse(nodes[1]!.podsReportedAt!)).toBe(900);
    expect(nodes[2]!.podsReportedAt).toBeNull();
    expect(nodes.map(({ name, pods, podCount }) => [name, pods, podCount])).toEqual([
      ['node-a', [], 0],
      ['node-b', [{ name: 'default/web-1', ips: ['10.1.2.2', 'fd00::2'] }], 300],
      ['node-c', [], null],
    ]);
  });

  it('shows the throughput of its own links in both directions', () => {
    const view = new TopologyView();
    const reported = reportedOnce();
    reported.take(report(counters('b', 1_250_000, 125_000)), 10_000);
    expect(view.draw(input({ counters: reported })).links[0]).toMatchObject({
      abBitsPerSecond: 10_000_000,
      baBitsPerSecond: 1_000_000,
    });
    expect(view.draw(input({ counters: reported, nowMs: 20_000 })).links[0]).toMatchObject({ abBitsPerSecond: 0 });
  });

  it('draws a link between others once, from the newer report, with its throughput', () => {
    const view = new TopologyView();
    view.draw(input({ nowMs: 8_000, remoteLinks: [remote('b', 'c', { ageMs: 0 })] }));
    const remoteLinks = [
      remote('c', 'b', { state: 'stale', ageMs: 900 }),
      remote('b', 'c', { ageMs: 100, abBytes: 237_500 }),
    ];
    const links = view.draw(input({ nowMs: 10_000, remoteLinks })).links.slice(2);
    expect(links).toHaveLength(1);
    expect(links[0]).toMatchObject({
      a: id('b'),
      b: id('c'),
      state: 'up',
      cipher: 'chacha20-poly1305',
      abBitsPerSecond: 1_000_000,
    });
  });

  it.each([
    ['up', true, 'relayed'],
    ['up', false, 'direct'],
    ['down', true, 'none'],
  ] as const)('shows the path of a link between others that is %s, relayed: %s', (state, isRelayed, path) => {
    const { links } = new TopologyView().draw(input({ remoteLinks: [remote('b', 'c', { state, isRelayed })] }));
    expect(links.at(-1)).toMatchObject({ a: id('b'), b: id('c'), path });
  });

  it('leaves out reports about itself and about strangers', () => {
    const remoteLinks = [remote('b', 'a'), remote('b', 'f')];
    expect(new TopologyView().draw(input({ remoteLinks })).links).toHaveLength(2);
  });
});
