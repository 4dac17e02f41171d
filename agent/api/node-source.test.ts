import { describe, expect, it } from '@jest/globals';
import { parseCidr } from '../../common/address/cidr.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import type { MemberView } from '../../mesh/index.js';
import { AgentApiSource } from './node-source.js';
import type { ApiSourceDeps } from './node-source.js';
import { PodCidrs } from '../pod-cidrs.js';
import { nodeSettings } from '../settings/node-settings.js';
import { loadConfig } from '../config/config-sources.js';
import { VirtualClock } from '../../common/testing/virtual-clock.js';

const id = (digit: string) => digit.repeat(32) as NodeId;
const member: MemberView = {
  id: id('b'),
  name: 'node-b',
  publicKey: new Uint8Array(32).fill(7),
  secretIds: null,
  version: '0.1.0',
  podCidrs: [parseCidr('10.1.2.0/24')],
  endpoint: { ip: parseIpAddress('192.0.2.2'), port: 6785 },
  relay: null,
  relayReason: null,
  state: 'up',
  reason: 'the peer answers',
  cipher: 'aes-256-gcm',
  rttMs: 1,
  mtuBytes: 1500,
  sinceMs: 4_000,
  lastHandshakeMs: null,
};
const hello = {
  type: 'hello' as const,
  version: 1,
  instance: 'r1',
  ciphers: ['aes-256-gcm' as const],
  tapName: 'heddle-tap',
  generation: 1,
  paths: [],
  sessions: [],
};

function source(overrides: Partial<ApiSourceDeps> = {}) {
  const clock = new VirtualClock('2026-01-01T00:00:00.000Z');
  clock.advance(10_000);
  const flags = ['--seeds', '192.0.2.2', '--pod-cidrs', '10.1.1.0/24', '--cluster-cidrs', '10.1.0.0/16'];
  const settings = nodeSettings(
    loadConfig(flags, {}, () => null),
    { clusterSecrets: [new Uint8Array(32)], trustedKeys: [] },
    'node-a',
  );
  const deps: ApiSourceDeps = {
    settings: () => settings,
    settingsReport: () => ({ refused: null, needsRestart: [], waitingFor: null }),
    podCidrs: new PodCidrs({ assigned: () => settings.podCidrs, withdrawn: () => [] }),
    id: id('a'),
    publicKey: new Uint8Array(32),
    podMtuBytes: () => 1392,
    clock,
    decide: () => undefined,
    mesh: {
      members: () => [member],
      routes: () => [
        {
          cidr: parseCidr('10.1.1.0/24'),
          owner: id('a'),
          ownerName: 'node-a',
          conflict: id('b'),
          conflictReason: 'earlier',
          podMtuBytes: null,
          usable: false,
        },
        {
          cidr: parseCidr('10.1.2.0/24'),
          owner: id('b'),
          ownerName: 'node-b',
          conflict: null,
          conflictReason: null,
          podMtuBytes: null,
          usable: true,
        },
        {
          cidr: parseCidr('10.1.3.0/24'),
          owner: id('c'),
          ownerName: 'node-c',
          conflict: id('a'),
          conflictReason: 'reachable',
          podMtuBytes: null,
          usable: false,
        },
      ],
      remoteLinks: () => [],
      remotePods: () => [],
      lostClaims: () => [],
      seeds: () => [],
      topologyReports: () => ({ received: 0, expected: 1, complete: false }),
      refusedSources: () => [],
      revoked: () => [],
      counters: () => ({ members: 1, sessionSlots: 1, pendingHandshakes: 0, handshakeBadMac: 3 }),
    },
    router: () => hello,
    routerIsSilent: () => false,
    underlayAddresses: () => [parseIpAddress('192.0.2.1')],
    kernelDrops: () => ({ podForeignSource: 2 }),
    hostProblems: () => [],
    fullTables: () => [],
    reversePath: () => '',
    underlayDrops: () => '',
    podsReconciled: () => true,
    stateDiskProblem: () => null,
    cniNotes: () => [],
    addressProblem: () => null,
    endpoints: () => [],
    policies: { answers: null, state: 'none', warning: '' },
    addressUsage: () => [{ cidr: parseCidr('10.1.1.0/24'), total: 253, used: 2, quarantined: 1, withdrawn: false }],
    ownCounters: () => ({ mesh_faults: 0 }),
    ...overrides,
  };
  return { clock, source: new AgentApiSource(deps) };
}
const report = (drops: Record<string, number>, rxBytes = 0) => ({
  type: 'counters' as const,
  drops,
  peers: [{ peer: id('b'), txBytes: 5, txFrames: 1, rxBytes, rxFrames: 2, lastReceivedMsAgo: 1, lossRatio: 0.5 }],
  sessions: [],
});

describe('AgentApiSource', () => {
  it('is ready when all that matters is there, and says what is missing when not', () => {
    expect(source().source.status()).toMatchObject({ ready: true, peers: { total: 1, up: 1 } });
    const without = source({ router: () => null }).source.status();
    expect(without).toMatchObject({ ready: false, router: { connected: false, instance: null, tap: null } });
    expect(without.conditions.find(({ name }) => name === 'router')).toMatchObject({ ok: false });
  });

  it('tells peers without a link that none is needed with from those that cannot be reached', () => {
    const members = (['up', 'idle', 'idle', 'down'] as const).map((state) => ({ ...member, state }));
    const { mesh } = source().source.deps;
    const { peers } = source({ mesh: { ...mesh, members: () => members } }).source.status();
    expect(peers).toEqual({ total: 4, up: 1, idle: 2 });
  });

  it('counts what the router, the source guard and the core dropped or refused together, without gauges', () => {
    const { source: api } = source();
    api.countersChanged(report({ noRoute: 4 }));
    expect(api.status().drops).toEqual({ noRoute: 4, podForeignSource: 2, handshakeBadMac: 3 });
    expect(api.counters()).toEqual({ mesh_faults: 0 });
  });

  it('shows a peer with the counters of the router and wall-clock times', () => {
    const { source: api } = source();
    api.countersChanged(report({}, 900));
    expect(api.peers()).toEqual([
      expect.objectContaining({
        name: 'node-b',
        endpoint: '192.0.2.2:6785',
        path: 'direct',
        rxBytes: 900,
        lossRatio: 0.5,
        since: '2026-01-01T00:00:04.000Z',
        lastHandshake: null,
      }),
    ]);
  });

  it('names the node that relays to a peer, and counts what is relayed', () => {
    const relayReason = 'no answer without a relay; probed directly every 10 s';
    const relayed = { ...member, relay: id('c'), relayReason };
    const relay = { ...member, id: id('c'), name: 'node-c' };
    const { mesh } = source().source.deps;
    const counters = () => ({ relayedPairs: 2, relayedPeers: 1 });
    const { source: api } = source({ mesh: { ...mesh, members: () => [relayed, relay], counters } });
    expect(api.peers().map(({ path, via, pathReason }) => [path, via, pathReason])).toEqual([
      ['relayed', 'node-c', relayReason],
      ['direct', null, null],
    ]);
    expect(api.status()).toMatchObject({ relays: { pairs: 2, peers: 1 }, drops: { podForeignSource: 2 } });
    expect(api.topology().links.map(({ path }) => path)).toEqual(['relayed', 'direct']);
  });

  it('tells how each route is reached and who else claims it', () => {
    expect(
      source()
        .source.routes()
        .map(({ cidr, via, conflict, conflictReason }) => [cidr, via, conflict, conflictReason]),
    ).toEqual([
      ['10.1.1.0/24', 'local', 'node-b', 'node-a was in the cluster earlier'],
      ['10.1.2.0/24', 'link', null, null],
      ['10.1.3.0/24', 'unreachable', 'node-a', 'node-c can be reached'],
    ]);
  });

  it('names the other node of a contested pod CIDR, on the side that has it and on the side that lost', () => {
    const claims = ({ source: api }: ReturnType<typeof source>) =>
      api.status().conditions.find(({ name }) => name === 'claims');
    expect(claims(source())).toMatchObject({
      ok: true,
      message: 'node-b also claims 10.1.1.0/24, and loses, since node-a was in the cluster earlier',
    });
    const lost = { cidr: parseCidr('10.1.2.0/24'), winner: id('b'), reason: 'earlier' as const };
    const mesh = { ...source().source.deps.mesh, lostClaims: () => [lost] };
    const loser = claims(source({ mesh }));
    expect(loser?.ok).toBe(false);
    expect(loser?.message).toContain('10.1.2.0/24 also belongs to node-b, since node-b was in the cluster earlier');
  });

  it('has the exact size of a pool that no double holds', () => {
    const pool = { cidr: parseCidr('fd00:1::/64'), total: 2 ** 64, used: 1, quarantined: 0, withdrawn: false };
    const [address] = source({ addressUsage: () => [pool] }).source.status().addresses;
    expect(address!.totalExact).toMatch(/^184467440737095516\d\d$/);
  });

  it('warns of one dead peer by name, with what is known of it', () => {
    const dead = { ...member, state: 'down' as const, reason: 'nothing heard for 6 s' };
    const { deps } = source().source;
    const mesh = { ...deps.mesh, members: () => [{ ...member, id: id('d'), name: 'node-d' }, dead] };
    const status = source({ mesh }).source.status();
    expect(status).toMatchObject({ ready: true, verdict: 'warning' });
    expect(status.conditions.find(({ ok }) => !ok)).toMatchObject({
      name: 'peers',
      message: 'no link to node-b (nothing heard for 6 s)',
    });
    expect(source({ mesh }).source.peers()[1]).toMatchObject({ lossRatio: 1 });
  });

  it('tells its listeners of changes until they leave', () => {
    const { source: api } = source();
    let told = 0;
    const leave = api.onChange(() => told++);
    api.changed();
    api.countersChanged(report({}));
    leave();
    api.changed();
    expect(told).toBe(2);
  });
});
