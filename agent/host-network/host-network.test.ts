import { describe, expect, it } from '@jest/globals';
import { parseCidr } from '../../common/address/cidr.js';
import { CommandError } from '../../common/errors.js';
import { parseMacAddress } from '../../common/address/mac-address.js';
import { reconcileHostNetwork } from './host-network.js';
import type { HostNetworkSpec } from './host-plan.js';

const spec: HostNetworkSpec = {
  bridgeName: 'heddle0',
  bridgeMac: parseMacAddress('0a:58:0a:01:01:01'),
  stateDir: '/var/lib/heddle',
  tapName: 'heddle-tap',
  podMtuBytes: 1392,
  podCidrs: [parseCidr('10.1.1.0/24'), parseCidr('fd00:1:0:1::/64')],
  clusterCidrs: [parseCidr('10.1.0.0/16'), parseCidr('fd00:1::/48')],
  masquerade: true,
  listenPort: 6785,
  router: null,
};

/** What the programs of a host in order print; tests break one thing at a time. */
function hostInOrder() {
  return {
    bridge: {
      ifname: 'heddle0',
      flags: ['UP'],
      mtu: 1392,
      address: '0a:58:0a:01:01:01',
      ifalias: 'heddle/1|node|/var/lib/heddle',
      gso_max_size: 61_440,
      linkinfo: { info_kind: 'bridge', info_data: { stp_state: 0, mcast_snooping: 0 } },
      addr_info: [
        { family: 'inet', local: '10.1.1.1', prefixlen: 24, scope: 'global' },
        { family: 'inet6', local: 'fd00:1:0:1::1', prefixlen: 64, scope: 'global' },
        { family: 'inet6', local: 'fe80::1', prefixlen: 64, scope: 'link' },
      ],
    } as object | null,
    tap: {
      ifname: 'heddle-tap',
      flags: ['UP'],
      mtu: 1392,
      txqlen: 128,
      gso_max_size: 61_440,
      master: 'heddle0',
      inet6_addr_gen_mode: 'none',
      linkinfo: {
        info_kind: 'tun',
        info_slave_kind: 'bridge',
        info_slave_data: { learning: false, flood: true, mcast_flood: true, bcast_flood: true, neigh_suppress: false },
      },
    } as object | null,
    routes4: ['10.1.0.0/16'],
    routes6: ['fd00:1::/48'],
    sysctls: ['1', '2', '0', '0', '1'],
    /** Null: no table. The comments of its rules otherwise. */
    nft: null as string[] | null,
  };
}
type Host = ReturnType<typeof hostInOrder>;

/** Answers questions from `host` and records everything else. */
function recorded(host: Host) {
  const changes: string[] = [];
  const list = (link: object | null) => JSON.stringify(link === null ? [] : [{}, link]);
  const routes = (dsts: string[]) => JSON.stringify(dsts.map((dst) => ({ dst, protocol: '104' })));
  const run = (program: string, args: readonly string[], input = ''): string => {
    const line = [program, ...args].join(' ');
    if (line.endsWith('show type bridge')) return list(host.bridge);
    if (line.endsWith('show type tun')) return list(host.tap);
    if (line.includes('-4 route show')) return routes(host.routes4);
    if (line.includes('-6 route show')) return routes(host.routes6);
    if (program === 'cat') return `${host.sysctls.join('\n')}\n`;
    if (line === 'nft -j list table inet heddle') {
      if (host.nft === null) throw new CommandError(line, 1, 'No such file or directory');
      return JSON.stringify({ nftables: [{ table: {} }, ...host.nft.map((comment) => ({ rule: { comment } }))] });
    }
    if (program === 'nft') host.nft = [...input.matchAll(/comment "([^"]+)"/g)].map((match) => match[1] ?? '');
    changes.push(line);
    return '';
  };
  const commands = {
    run: (program: string, args: readonly string[], input?: string) =>
      new Promise<string>((resolve) => resolve(run(program, args, input))),
  };
  return { commands, changes };
}

async function changesOn(host: Host, wanted = spec): Promise<string[]> {
  const first = recorded(host);
  host.nft ??= [];
  await reconcileHostNetwork(first.commands, wanted);
  return first.changes.filter((line) => !line.startsWith('nft'));
}

describe('reconcileHostNetwork', () => {
  it('changes nothing on a host that is in order', async () => {
    const host = hostInOrder();
    const { commands, changes } = recorded(host);
    expect((await reconcileHostNetwork(commands, spec)).repairs).toEqual(['nft table inet heddle was missing']);
    expect(changes).toEqual(['nft -f -']);
    expect(await reconcileHostNetwork(commands, spec)).toEqual({ repairs: [], problems: [] });
    expect(changes).toHaveLength(1);
  });

  it.each<[string, Partial<Host>, string[]]>([
    [
      'the bridge is missing',
      { bridge: null },
      [
        'ip link add name heddle0 address 0a:58:0a:01:01:01 mtu 1392 type bridge stp_state 0 mcast_snooping 0',
        'ip link set dev heddle0 alias heddle/1|node|/var/lib/heddle',
        'ip link set dev heddle0 gso_max_size 61440',
        'ip link set dev heddle0 up',
        'ip address add 10.1.1.1/24 dev heddle0',
        'ip address add fd00:1:0:1::1/64 dev heddle0 nodad',
      ],
    ],
    ['a route is missing', { routes4: [] }, ['ip -4 route add 10.1.0.0/16 dev heddle0 proto 104']],
    [
      'a route is left over',
      { routes6: ['fd00:1::/48', 'fd00:2::/48'] },
      ['ip -6 route del fd00:2::/48 dev heddle0 proto 104'],
    ],
    ['forwarding is off', { sysctls: ['0', '2', '0', '0', '1'] }, ['tee /proc/sys/net/ipv4/ip_forward']],
    ['the TAP is gone', { tap: null }, []],
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
      'bridge link set dev heddle-tap learning off flood on mcast_flood on bcast_flood on neigh_suppress off',
      'ip link set dev heddle-tap up',
    ]);
  });

  it('writes the table anew when a rule of it is gone or one of someone else is in it', async () => {
    const host = hostInOrder();
    const { commands, changes } = recorded(host);
    await reconcileHostNetwork(commands, spec);
    host.nft?.pop();
    await reconcileHostNetwork(commands, spec);
    host.nft?.push('');
    await reconcileHostNetwork(commands, spec);
    expect(changes).toEqual(['nft -f -', 'nft -f -', 'nft -f -']);
  });

  it('makes no route where the pod CIDR is the whole cluster', async () => {
    const alone = { ...spec, clusterCidrs: spec.podCidrs };
    expect(await changesOn({ ...hostInOrder(), routes4: [], routes6: [] }, alone)).toEqual([]);
  });

  it('is content where the kernel refuses the limit of super-frames', async () => {
    const host = { ...hostInOrder(), nft: [], bridge: null };
    const { commands, changes } = recorded(host);
    const refusing = {
      run: (program: string, args: readonly string[], input?: string) =>
        args.includes('gso_max_size')
          ? Promise.reject(new CommandError('ip link set', 2, 'RTNETLINK answers: Invalid argument'))
          : commands.run(program, args, input),
    };
    const { problems, repairs } = await reconcileHostNetwork(refusing, spec);
    expect(problems).toEqual([]);
    expect(repairs).not.toContain('heddle0 had another limit of super-frames');
    expect(changes).toContain('ip link set dev heddle0 up');
  });

  it('says what is wrong with one part and looks at the others all the same', async () => {
    const { commands } = recorded(hostInOrder());
    const failing = {
      run: (program: string, args: readonly string[], input?: string) =>
        program === 'nft'
          ? Promise.reject(new CommandError('nft', null, 'spawn nft ENOENT'))
          : commands.run(program, args, input),
    };
    const outcome = await reconcileHostNetwork(failing, spec);
    expect(outcome.problems).toEqual([{ part: 'nft table', message: expect.stringContaining('ENOENT') }]);
    expect(outcome.repairs).toEqual([]);
  });
});
