import { describe, expect, it } from '@jest/globals';
import { listInterfaces, listNeighbours, listRoutes } from './ip-output.js';

/** An `ip` that prints this JSON, and the commands it was run with. */
function printing(json: unknown) {
  const ran: string[] = [];
  const run = (program: string, args: readonly string[]) => {
    ran.push([program, ...args].join(' '));
    return Promise.resolve(JSON.stringify(json));
  };
  return { ran, commands: { run } };
}

describe('listInterfaces', () => {
  it('reads a bridge port as iproute2 6.1 prints it', async () => {
    const printed = {
      ifindex: 7,
      ifname: 'hd0123456789abc',
      flags: ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'],
      mtu: 1392,
      link_index: 2,
      link_netnsid: 0,
      group: '26724',
      master: 'heddle0',
      txqlen: 1000,
      qdisc: 'noqueue',
      stats64: { rx: { packets: 4 }, tx: { bytes: 70, packets: 1, dropped: 2 } },
      address: 'fe:01:23:45:67:89',
      inet6_addr_gen_mode: 'none',
      gso_max_size: 65536,
      ifalias: 'heddle/1|pod|eth0|heddle|/run/netns/x',
      linkinfo: { info_kind: 'veth', info_slave_kind: 'bridge', info_slave_data: { learning: true } },
    };
    const { ran, commands } = printing([{}, printed]);
    expect(await listInterfaces(commands, ['-details', 'link', 'show'])).toEqual([
      {
        name: 'hd0123456789abc',
        index: 7,
        mac: 'fe:01:23:45:67:89',
        mtuBytes: 1392,
        up: true,
        txQueueLength: 1000,
        discipline: 'noqueue',
        sending: { packets: 1, dropped: 2 },
        gsoMaxBytes: 65536,
        bridge: 'heddle0',
        kind: 'veth',
        group: '26724',
        peer: { index: 2, netnsId: 0 },
        addressGeneration: 'none',
        alias: 'heddle/1|pod|eth0|heddle|/run/netns/x',
        settings: {},
        portSettings: { learning: true },
        addresses: [],
      },
    ]);
    expect(ran).toEqual(['ip -json -details link show']);
  });

  it('reads addresses, and marks those that are not to be advertised', async () => {
    const address = { family: 'inet', local: '192.0.2.1', prefixlen: 24, scope: 'global' };
    const { commands } = printing([{ ifname: 'eth0', addr_info: [address, { ...address, deprecated: true }, {}] }]);
    const [found] = await listInterfaces(commands, ['address']);
    expect(found?.addresses.map(({ address: ip, prefix, unstable }) => [ip, prefix, unstable])).toEqual([
      ['192.0.2.1', 24, false],
      ['192.0.2.1', 24, true],
    ]);
  });

  it('does not take the master of a bond or VRF for a bridge', async () => {
    const { commands } = printing([{ ifname: 'eth0', master: 'bond0', linkinfo: { info_slave_kind: 'bond' } }]);
    expect(await listInterfaces(commands, ['link'])).toMatchObject([{ bridge: null }]);
  });

  it('runs inside a namespace with a prefix', async () => {
    const { ran, commands } = printing([]);
    await listInterfaces(commands, ['link'], ['nsenter', '--net=/run/netns/x']);
    expect(ran).toEqual(['nsenter --net=/run/netns/x ip -json link']);
  });

  it.each([
    ['no list', {}],
    ['a name that is no text', [{ ifname: 7 }]],
    ['no name', [{ mtu: 1500 }]],
  ])('refuses output with %s', async (_, json) => {
    await expect(listInterfaces(printing(json).commands, ['link'])).rejects.toMatchObject({ code: 'DECODE_FAILED' });
  });
});

describe('listRoutes', () => {
  it('reads what is printed, and takes a route without a type for unicast', async () => {
    const printed = { dst: 'default', gateway: '192.0.2.1', dev: 'eth0', protocol: 'dhcp', metrics: [{ mtu: 1400 }] };
    const fallback = { type: 'unreachable', dst: '10.0.0.0/8', metric: 4096 };
    const local = { dst: '10.1.1.2', dev: 'hd0', prefsrc: '10.1.1.1' };
    const absent = {
      gateway: null,
      device: null,
      protocol: '',
      source: null,
      metric: null,
      table: null,
      family: 4,
      mtuBytes: null,
    };
    expect(await listRoutes(printing([printed, fallback, local]).commands, ['route'])).toEqual([
      {
        ...{ ...absent, type: 'unicast', destination: 'default', gateway: '192.0.2.1', device: 'eth0' },
        ...{ protocol: 'dhcp', mtuBytes: 1400 },
      },
      { ...absent, type: 'unreachable', destination: '10.0.0.0/8', metric: 4096 },
      { ...absent, type: 'unicast', destination: '10.1.1.2', device: 'hd0', source: '10.1.1.1' },
    ]);
  });
});

describe('listNeighbours', () => {
  it('reads address, device and MAC, and leaves out neighbours without a MAC', async () => {
    const known = { dst: '169.254.0.104', dev: 'heddle-tap', lladdr: '0a:5a:00:00:00:02', state: ['PERMANENT'] };
    const { ran, commands } = printing([known, { dst: '10.1.1.9', dev: 'eth0', state: ['FAILED'] }]);
    expect(await listNeighbours(commands, ['neigh', 'show'])).toEqual([
      { address: '169.254.0.104', device: 'heddle-tap', mac: '0a:5a:00:00:00:02' },
    ]);
    expect(ran).toEqual(['ip -json neigh show']);
  });
});
