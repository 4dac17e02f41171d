import { describe, expect, it } from '@jest/globals';
import { CommandError } from '../../common/errors.js';
import type { CommandRunner } from '../../common/host/command.js';
import { parseCidr } from '../../common/address/cidr.js';
import { GATEWAY_MAC, MESH_MAC } from '../../common/address/mac-address.js';
import { CrashingDisk } from '../../common/testing/crashing-disk.js';
import { reconcileHostNetwork } from './host-network.js';
import { SettingsRecord } from './settings-record.js';
import { HOST_SPEC } from './testing/host-spec.js';

const spec = HOST_SPEC;

const GATEWAYS = [
  { family: 'inet', local: '10.1.1.1', prefixlen: 32, scope: 'global' },
  { family: 'inet6', local: 'fd00:1:0:1::1', prefixlen: 128, scope: 'global' },
  { family: 'inet6', local: 'fe80::1', prefixlen: 64, scope: 'link' },
];

function routesTo(own: string, cluster: string, gateway: string, prefsrc: string): object[] {
  return [
    { type: 'unreachable', dst: own },
    { type: 'unreachable', dst: cluster, metric: 4096 },
    { dst: cluster, gateway, dev: 'heddle-tap', prefsrc, flags: ['onlink'] },
  ];
}

/** What the programs of a host in order print; tests break one thing at a time. */
function hostInOrder() {
  return {
    bridge: {
      ifname: 'heddle0',
      flags: ['UP'],
      mtu: 1392,
      address: GATEWAY_MAC,
      ifalias: 'heddle/1|node|/var/lib/heddle',
      gso_max_size: 61_440,
      linkinfo: { info_kind: 'bridge', info_data: { stp_state: 0, mcast_snooping: 0 } },
      addr_info: GATEWAYS,
    } as object | null,
    tap: {
      ifname: 'heddle-tap',
      flags: ['UP'],
      mtu: 1392,
      txqlen: 128,
      gso_max_size: 61_440,
      master: 'heddle0',
      inet6_addr_gen_mode: 'none',
      addr_info: GATEWAYS,
      linkinfo: {
        info_kind: 'tun',
        info_slave_kind: 'bridge',
        info_slave_data: { learning: false, flood: false, mcast_flood: true, bcast_flood: true, neigh_suppress: false },
      },
    } as object | null,
    routes4: routesTo('10.1.1.0/24', '10.1.0.0/16', '169.254.0.104', '10.1.1.1'),
    routes6: routesTo('fd00:1:0:1::/64', 'fd00:1::/48', 'fe80::68', 'fd00:1:0:1::1'),
    nextHops: ['169.254.0.104', 'fe80::68'].map((dst) => ({ dst, dev: 'heddle-tap', lladdr: String(MESH_MAC) })),
    /** Kernel settings of the bridge. */
    sysctls: ['2', '1', '1', '0', '0'],
    /** Switches of forwarding, IPv4 and IPv6. */
    forwarding: ['1', '1'],
    /** `forwarding` and `accept_ra` of `default` and the underlay's interface. */
    interfaces: { default: ['0', '1'], eth0: ['0', '1'] } as Record<string, string[]>,
    /** Comments of the rules, by table; no entry: no such table. */
    nft: new Map<string, string[]>(),
  };
}
type Host = ReturnType<typeof hostInOrder>;

/** Answers questions from `host` and records everything else. */
function recorded(host: Host) {
  const changes: string[] = [];
  const list = (link: object | null) => JSON.stringify(link === null ? [] : [{}, link]);
  const run = (program: string, args: readonly string[], input = ''): string => {
    const line = [program, ...args].join(' ');
    if (line.endsWith('show type bridge')) return list(host.bridge);
    if (line.endsWith('show type tun')) return list(host.tap);
    if (line.includes('-4 route show')) return JSON.stringify(host.routes4);
    if (line.includes('-6 route show')) return JSON.stringify(host.routes6);
    if (line.includes('neigh show')) return JSON.stringify(host.nextHops);
    if (line === 'cat /proc/sys/net/ipv6/conf/heddle-tap/disable_ipv6') return '0\n';
    if (program === 'ls') return ['all', 'lo', 'heddle0', ...Object.keys(host.interfaces)].join('\n');
    if (program === 'cat' && args[0]?.endsWith('ip_forward') === true) return `${host.forwarding[0]}\n`;
    if (program === 'cat' && args[0]?.endsWith('all/forwarding') === true) return `${host.forwarding[1]}\n`;
    if (program === 'cat' && args[0]?.endsWith('accept_redirects') === true) return '1\n';
    if (program === 'cat' && args[0]?.endsWith('/default/forwarding') === true) return interfaceSettings(host, args);
    if (program === 'cat') return `${host.sysctls.join('\n')}\n`;
    if (program === 'tc' || line.includes('-statistics link show group')) return '[]';
    if (line === 'nft -j list chains') return '{"nftables": []}';
    if (program === 'nft' && args.includes('list')) {
      const comments = host.nft.get(args.slice(-2).join(' '));
      if (comments === undefined) throw new CommandError(line, 1, 'No such file or directory');
      return JSON.stringify({ nftables: [{ table: {} }, ...comments.map((comment) => ({ rule: { comment } }))] });
    }
    if (program === 'nft') {
      const table = /^add table (.*)$/m.exec(input)?.[1] ?? '';
      host.nft.set(
        table,
        [...input.matchAll(/comment "([^"]+)"/g)].map((match) => match[1] ?? ''),
      );
      changes.push(`nft ${table}`);
    } else if (args.includes('-batch')) {
      const command = [program, ...args.slice(0, args.indexOf('-force'))].join(' ');
      for (const text of input.trimEnd().split('\n')) changes.push(`${command} ${text}`);
    } else changes.push(line);
    return '';
  };
  const commands = {
    run: (program: string, args: readonly string[], input?: string) =>
      new Promise<string>((resolve) => resolve(run(program, args, input))),
  };
  return { commands, changes };
}

/** As `ip -force -batch`: the other lines are run, and errors name the line. */
function refusing(commands: CommandRunner, refused: string): CommandRunner {
  return {
    run: async (program, args, input = '') => {
      const lines = input.split('\n');
      const at = lines.findIndex((line) => line.includes(refused));
      if (at < 0) return commands.run(program, args, input);
      await commands.run(program, args, lines.filter((_, i) => i !== at).join('\n'));
      throw new CommandError(program, 2, `RTNETLINK answers: Invalid argument\nCommand failed -:${at + 1}\n`);
    },
  };
}

function counted(commands: CommandRunner): { readonly ran: string[]; readonly counting: CommandRunner } {
  const ran: string[] = [];
  const counting: CommandRunner = {
    run: (program, args, input) => {
      ran.push([program, ...args].join(' '));
      return commands.run(program, args, input);
    },
  };
  return { ran, counting };
}

function interfaceSettings(host: Host, paths: readonly string[]): string {
  const column = (path: string) => (path.endsWith('/forwarding') ? 0 : 1);
  return paths.map((path) => host.interfaces[path.split('/').at(-2)!]![column(path)]!).join('\n');
}

const noSettings = () => new SettingsRecord(new CrashingDisk(() => 0), '/state', () => 'boot');

async function changesOn(host: Host, wanted = spec): Promise<string[]> {
  const first = recorded(host);
  await reconcileHostNetwork(first.commands, wanted, noSettings());
  return first.changes.filter((line) => !line.startsWith('nft'));
}

describe('reconcileHostNetwork', () => {
  it('changes nothing on a host that is in order', async () => {
    const host = hostInOrder();
    const { commands, changes } = recorded(host);
    expect((await reconcileHostNetwork(commands, spec, noSettings())).repairs).toEqual([
      'nft table bridge heddle was missing',
      'nft table inet heddle was missing',
    ]);
    expect(changes).toEqual(['nft bridge heddle', 'nft inet heddle']);
    expect(await reconcileHostNetwork(commands, spec, noSettings())).toEqual({
      repairs: [],
      problems: [],
      fullTables: [],
      kernelDrops: {},
      podDrops: new Map(),
    });
    expect(changes).toHaveLength(2);
  });

  it.each<[string, Partial<Host>, string[]]>([
    [
      'the bridge is missing',
      { bridge: null },
      [
        'ip link add name heddle0 address 0a:5a:00:00:00:01 mtu 1392 type bridge stp_state 0 mcast_snooping 0',
        'ip link set dev heddle0 alias heddle/1|node|/var/lib/heddle',
        'ip link set dev heddle0 gso_max_size 61440',
        'ip link set dev heddle0 up',
      ],
    ],
    [
      'the routes of a family are missing',
      { routes4: [] },
      [
        'ip -4 route add unreachable 10.1.1.0/24 proto 104',
        'ip -4 route add unreachable 10.1.0.0/16 metric 4096 proto 104',
        'ip -4 route add 10.1.0.0/16 via 169.254.0.104 dev heddle-tap src 10.1.1.1 onlink proto 104',
      ],
    ],
    [
      'an on-link route of an earlier version is left over',
      { routes6: [...hostInOrder().routes6, { dst: 'fd00:1::/48', dev: 'heddle0' }] },
      ['ip -6 route del fd00:1::/48 dev heddle0 proto 104'],
    ],
    [
      'a next hop has another MAC',
      {
        nextHops: [
          hostInOrder().nextHops[1]!,
          { dst: '169.254.0.104', dev: 'heddle-tap', lladdr: '02:00:00:00:00:01' },
        ],
      },
      ['ip neigh replace 169.254.0.104 lladdr 0a:5a:00:00:00:02 dev heddle-tap nud permanent'],
    ],
    ['forwarding of IPv4 is off', { forwarding: ['0', '1'] }, ['tee /proc/sys/net/ipv4/ip_forward']],
    [
      'forwarding of IPv6 is off: first no interface loses its router advertisements',
      {
        forwarding: ['1', '0'],
        interfaces: { default: ['0', '1'], eth0: ['0', '1'], eth1: ['1', '1'], eth2: ['0', '0'] },
      },
      [
        'tee /proc/sys/net/ipv6/conf/default/accept_ra',
        'tee /proc/sys/net/ipv6/conf/eth0/accept_ra',
        'tee /proc/sys/net/ipv6/conf/all/forwarding',
      ],
    ],
    [
      'the TAP is gone: nothing is routed to it, and nothing leaves unsealed',
      { tap: null },
      [
        'ip -4 route del 10.1.0.0/16 via 169.254.0.104 dev heddle-tap src 10.1.1.1 onlink proto 104',
        'ip -6 route del fd00:1::/48 via fe80::68 dev heddle-tap src fd00:1:0:1::1 onlink proto 104',
      ],
    ],
  ])('mends exactly that when %s', async (_, broken, commands) => {
    expect(await changesOn({ ...hostInOrder(), ...broken })).toEqual(commands);
  });

  it('puts a TAP that was made anew in its place before it is set up', async () => {
    const host = {
      ...hostInOrder(),
      tap: { ifname: 'heddle-tap', flags: [], mtu: 1500, txqlen: 1000, gso_max_size: 65_536 },
    };
    expect(await changesOn(host)).toEqual([
      'ip link set dev heddle-tap mtu 1392',
      'ip link set dev heddle-tap txqueuelen 128',
      'ip link set dev heddle-tap gso_max_size 61440',
      'ip link set dev heddle-tap master heddle0',
      'bridge link set dev heddle-tap learning off flood off mcast_flood on bcast_flood on neigh_suppress off',
      'ip link set dev heddle-tap up',
      'ip address add 10.1.1.1/32 dev heddle-tap',
      'ip address add fd00:1:0:1::1/128 dev heddle-tap nodad',
    ]);
  });

  it('writes the table anew when a rule of it is gone or one of someone else is in it', async () => {
    const host = hostInOrder();
    const { commands, changes } = recorded(host);
    await reconcileHostNetwork(commands, spec, noSettings());
    changes.length = 0;
    host.nft.get('inet heddle')?.pop();
    await reconcileHostNetwork(commands, spec, noSettings());
    host.nft.get('bridge heddle')?.push('');
    await reconcileHostNetwork(commands, spec, noSettings());
    expect(changes).toEqual(['nft inet heddle', 'nft bridge heddle']);
  });

  it('keeps a route with an MTU to a pod CIDR with a smaller one, until that changes', async () => {
    const cidr = parseCidr('10.1.2.0/24');
    const words = `${cidr} via 169.254.0.104 dev heddle-tap src 10.1.1.1 onlink metric 2048`;
    const narrow = (mtuBytes: number) => ({ ...spec, narrowCidrs: [{ cidr, mtuBytes }] });
    expect(await changesOn(hostInOrder(), narrow(1300))).toEqual([`ip -4 route add ${words} mtu 1300 proto 104`]);
    const route = { dst: cidr, gateway: '169.254.0.104', dev: 'heddle-tap', prefsrc: '10.1.1.1', metric: 2048 };
    const host = hostInOrder();
    host.routes4.push({ ...route, metrics: [{ mtu: 1300 }] });
    expect(await changesOn(host, narrow(1300))).toEqual([]);
    expect(await changesOn(host, narrow(1280))).toEqual([
      `ip -4 route del ${words} mtu 1300 proto 104`,
      `ip -4 route add ${words} mtu 1280 proto 104`,
    ]);
    expect(await changesOn(host, spec)).toEqual([`ip -4 route del ${words} mtu 1300 proto 104`]);
  });

  it('makes no route into the mesh where the pod CIDR is the whole cluster', async () => {
    const alone = { ...spec, clusterCidrs: spec.podCidrs };
    expect(await changesOn({ ...hostInOrder(), routes4: [], routes6: [] }, alone)).toEqual([
      'ip -4 route add unreachable 10.1.1.0/24 proto 104',
      'ip -6 route add unreachable fd00:1:0:1::/64 proto 104',
    ]);
  });

  it('is content where the kernel refuses the limit of super-frames', async () => {
    const host = { ...hostInOrder(), bridge: null };
    const { commands, changes } = recorded(host);
    const { problems, repairs } = await reconcileHostNetwork(refusing(commands, 'gso_max_size'), spec, noSettings());
    expect(problems).toEqual([]);
    expect(repairs).not.toContain('heddle0 had another limit of super-frames');
    expect(changes).toContain('ip link set dev heddle0 up');
  });

  it('makes the repairs of a part by one program for each family, and names the one that failed', async () => {
    const without = { ...hostInOrder(), routes4: [], routes6: [] };
    const { ran, counting } = counted(recorded(without).commands);
    await reconcileHostNetwork(counting, spec, noSettings());
    expect(ran.filter((line) => line.includes('-batch'))).toEqual(['ip -4 -force -batch -', 'ip -6 -force -batch -']);
    const { commands, changes } = recorded(without);
    const failing = refusing(commands, 'via 169.254.0.104');
    const { problems, repairs } = await reconcileHostNetwork(failing, spec, noSettings());
    expect(problems.map(({ message }) => message)).toEqual([expect.stringMatching(/ via 169.254.0.104 .* failed /)]);
    expect(repairs).toContain('route unreachable 10.1.1.0/24 was missing');
    expect(repairs.join()).not.toContain('via 169.254.0.104');
    expect(changes).toContain('ip -4 route add unreachable 10.1.0.0/16 metric 4096 proto 104');
  });

  it('says what is wrong with one part and looks at the others all the same', async () => {
    const { commands } = recorded(hostInOrder());
    const failing = {
      run: (program: string, args: readonly string[], input?: string) =>
        program === 'nft'
          ? Promise.reject(new CommandError('nft', null, 'spawn nft ENOENT'))
          : commands.run(program, args, input),
    };
    const outcome = await reconcileHostNetwork(failing, spec, noSettings());
    const message: unknown = expect.stringContaining('ENOENT');
    expect(outcome.problems).toEqual([
      { part: 'source guard', message },
      { part: 'nft table', message },
      { part: 'forward chains', message },
    ]);
    expect(outcome.repairs).toEqual([]);
  });
});
