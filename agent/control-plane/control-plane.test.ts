import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EndpointStore } from '../../cni/index.js';
import type { EndpointRecord } from '../../cni/index.js';
import { parseCidr } from '../../common/address/cidr.js';
import { systemDisk } from '../../common/storage/disk.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import { silentLogger } from '../../common/log.js';
import { parseMacAddress } from '../../common/address/mac-address.js';
import { encodeMessage, MessageDecoder } from '../../common/codec/message-stream.js';
import { ROUTER_PORT_VERSION } from '../../common/router-port.js';
import type { ForwardingTables, RouterCommand } from '../../common/router-port.js';
import { Ipam } from '../../ipam/index.js';
import { generateIdentity, Mesh } from '../../mesh/index.js';
import { AdvertCache } from './advert-cache.js';
import { PodCidrs } from '../pod-cidrs.js';
import { nodeSettings } from '../settings/node-settings.js';
import type { NodeSettings } from '../settings/node-settings.js';
import { loadConfig } from '../config/config-sources.js';
import { NO_MEMBERS } from './advert-cache.js';
import { ControlPlane } from './control-plane.js';
import type { NodeState } from './node-state.js';
import { NoticeLog } from '../../common/notice-log.js';
import type { RouterStreamListener } from './router-socket.js';
import { SeedResolver } from './seed-resolver.js';
import { systemRandom } from './system-random.js';
import { UnderlayWatch } from './underlay-watch.js';
import { VirtualClock } from '../../common/testing/virtual-clock.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'heddle-control-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const podCidr = parseCidr('10.1.1.0/24');
const clusterCidrs = [parseCidr('10.1.0.0/16')];
const pod: EndpointRecord = {
  containerId: 'c1',
  ifname: 'eth0',
  network: 'heddle',
  netns: '/run/netns/p',
  hostInterface: 'hd1',
  mac: parseMacAddress('0a:58:0a:01:01:02'),
  ips: [parseIpAddress('10.1.1.2')],
  routing: { defaultFamilies: [4, 6], clusterFamilies: [], metric: null, beside: false },
  podNamespace: null,
  podName: null,
  since: '2026-01-01T00:00:00.000Z',
};

/** The advert of another node, as this one would have it in its cache. */
function cachedAdvert(clusterSecret: Uint8Array): readonly Uint8Array[] {
  const endpoints = [{ ip: parseIpAddress('192.0.2.2'), port: 6785 }];
  const other = new Mesh({
    identity: generateIdentity(systemRandom),
    self: { name: 'node-b', version: '0.1.0', endpoints, podCidrs: [parseCidr('10.1.2.0/24')], podMtuBytes: 1300 },
    clusterSecrets: [clusterSecret],
    clusterCidrs,
    random: systemRandom,
    underlay: { mtuBytes: 1500, ownAddresses: [] },
    cachedAdverts: [],
    cachedStamps: NO_MEMBERS.stamps,
    wallClockMs: 1_700_000_000_000,
    cipherPreference: 'auto',
    needsAuthority: false,
  });
  return other.adverts();
}

function settingsWith(podCidrs: string, clusterSecret: Uint8Array): NodeSettings {
  const config = loadConfig(['--pod-cidrs', podCidrs, '--cluster-cidrs', '10.1.0.0/16'], {}, () => null);
  return nodeSettings(config, { clusterSecrets: [clusterSecret], trustedKeys: [] }, 'node-a');
}

async function harness() {
  const clock = new VirtualClock();
  const log = silentLogger();
  const notices = new NoticeLog(log, clock);
  const clusterSecret = systemRandom.bytes(32);
  const endpoints = await EndpointStore.open(systemDisk, join(folder, 'endpoints'), log);
  await endpoints.put(pod);
  const state: NodeState = {
    identity: generateIdentity(systemRandom),
    adverts: new AdvertCache({ disk: systemDisk, path: join(folder, 'adverts.json'), clock, log }),
    known: { ...NO_MEMBERS, adverts: cachedAdvert(clusterSecret) },
    endpoints,
    ipam: await Ipam.open({ directory: join(folder, 'ipam'), cidrs: [podCidr], log }),
  };
  const settings = { current: settingsWith(podCidr, clusterSecret) };
  const podMtuBytes = { current: 1300 };
  const narrowings: unknown[] = [];
  const connections: { listener: RouterStreamListener; commands: RouterCommand[] }[] = [];
  const control = new ControlPlane({
    settings: () => settings.current,
    podCidrs: new PodCidrs({ assigned: () => settings.current.podCidrs, withdrawn: () => state.ipam.withdrawn }),
    podMtuBytes: () => podMtuBytes.current,
    authority: null,
    state,
    underlay: new UnderlayWatch({
      commands: { run: () => Promise.resolve('[]') },
      filter: () => ({ ownInterfaces: [], clusterCidrs }),
      configuredMtuBytes: () => 1500,
      seeds: new SeedResolver([], 6785, () => Promise.resolve([]), notices),
      clock,
      notices,
      onChanged: () => undefined,
    }),
    clock,
    notices,
    openRouter: (listener) => {
      const connection = { listener, commands: [] as RouterCommand[] };
      const decoder = new MessageDecoder(1 << 20);
      connections.push(connection);
      return {
        write: (bytes, handedOver) => {
          connection.commands.push(...(decoder.push(bytes) as RouterCommand[]));
          handedOver?.();
        },
        queuedBytes: 0,
        end: () => listener.onClose('ended'),
        close: () => undefined,
      };
    },
    onReport: () => undefined,
    onRouterChanged: () => undefined,
    onLostClaims: () => undefined,
    onNarrowCidrs: () => narrowings.push(control.narrowCidrs()),
    onChange: () => undefined,
  });
  const sayHello = (generation: number, more: object = {}) =>
    connections.at(-1)?.listener.onBytes(
      encodeMessage({
        type: 'hello',
        version: ROUTER_PORT_VERSION,
        instance: 'r1',
        ciphers: ['aes-256-gcm'],
        tapName: 'heddle-tap',
        generation,
        paths: [],
        sessions: [],
        ...more,
      }),
    );
  const tables = (): ForwardingTables[] =>
    connections.flatMap(({ commands }) => commands.flatMap((c) => (c.type === 'tables' ? [c.tables] : [])));
  return { clock, state, settings, control, connections, podMtuBytes, narrowings, sayHello, tables };
}

describe('ControlPlane', () => {
  it('gives a router that outlived the agent everything the agent remembers, at once', async () => {
    const { control, sayHello, tables, connections } = await harness();
    control.start();
    expect(connections[0]?.commands).toEqual([]);
    sayHello(17);
    expect(tables()).toHaveLength(1);
    expect(tables()[0]).toMatchObject({ generation: 18, localCidrs: ['10.1.1.0/24'] });
    expect(tables()[0]?.localAddresses).toEqual(['10.1.1.1', '10.1.1.2']);
    expect(tables()[0]?.routes.map(({ cidr }) => cidr)).toEqual(['10.1.2.0/24']);
    await control.stop('leave');
  });

  it.each([
    [{ reportsChanges: true }, 1],
    [{}, 0],
  ])('asks a router that says %j for changes of its counters %d times', async (more, times) => {
    const { control, sayHello, connections } = await harness();
    control.start();
    sayHello(0, more);
    expect(connections[0]!.commands.filter(({ type }) => type === 'reportChanges')).toHaveLength(times);
    await control.stop('leave');
  });

  it('tells the router of a new pod before it says so', async () => {
    const { state, control, sayHello, tables } = await harness();
    control.start();
    sayHello(0);
    await state.endpoints.put({ ...pod, hostInterface: 'hd2', ips: [parseIpAddress('10.1.1.3')] });
    await control.endpointsChanged();
    expect(tables().at(-1)?.localAddresses).toContain('10.1.1.3');
    expect(tables().map(({ generation }) => generation)).toEqual([1, 2]);
    await control.stop('leave');
  });

  it('withdraws the route of a remembered node that does not come back', async () => {
    const { clock, control, sayHello, tables } = await harness();
    control.start();
    sayHello(0);
    for (let second = 0; second < 60; second++) await clock.advanceSettled(1_000);
    expect(tables().at(-1)?.routes).toEqual([]);
    await control.stop('leave');
  });

  it('follows pod CIDRs that change: tables, gateways and the advert', async () => {
    const { state, settings, control, sayHello, tables } = await harness();
    control.start();
    sayHello(0);
    await state.ipam.reconcile([{ owner: { containerId: 'c', ifname: 'eth0' }, ips: [parseIpAddress('10.1.1.2')] }]);
    settings.current = settingsWith('10.1.7.0/24', settings.current.clusterSecrets[0]!);
    await state.ipam.useCidrs(settings.current.podCidrs);
    control.settingsChanged();
    expect(tables().at(-1)?.localCidrs).toEqual(['10.1.7.0/24', '10.1.1.0/24']);
    expect(tables().at(-1)?.localAddresses).toEqual(['10.1.7.1', '10.1.1.1', '10.1.1.2']);
    await control.stop('leave');
  });

  it('says to which pod CIDRs smaller packets go than this node takes', async () => {
    const { clock, control, podMtuBytes, narrowings, sayHello } = await harness();
    control.start();
    sayHello(0);
    expect([control.narrowCidrs(), narrowings]).toEqual([[], []]);
    podMtuBytes.current = 8893;
    control.settingsChanged();
    sayHello(0);
    await clock.advanceSettled(100);
    expect(narrowings).toEqual([[{ cidr: '10.1.2.0/24', mtuBytes: 1300 }]]);
    await control.stop('leave');
  });

  it('does not wait for a router that is not there', async () => {
    const { control, connections } = await harness();
    control.start();
    await control.endpointsChanged();
    expect(connections).toHaveLength(1);
    await control.stop('leave');
  });
});
