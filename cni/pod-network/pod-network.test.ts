import { describe, expect, it } from '@jest/globals';
import { parseCidr } from '../../common/address/cidr.js';
import type { CommandRunner } from '../../common/host/command.js';
import { CommandError } from '../../common/errors.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import { GATEWAY_MAC, parseMacAddress } from '../../common/address/mac-address.js';
import { hostInterfaceOf, hostMacOf, SOLE_ROUTING, sourceTableOf } from '../attachment.js';
import type { AttachmentPlan, PodAddress } from '../attachment.js';
import { VethPodNetwork } from './pod-network.js';
import { podRoutes } from './pod-routes.js';

const OWNER = { containerId: 'abc', ifname: 'eth0' };
const ADDRESSES = [
  { ip: parseIpAddress('10.1.0.2'), cidr: parseCidr('10.1.0.0/24'), gateway: parseIpAddress('10.1.0.1') },
  { ip: parseIpAddress('fd00:1::2'), cidr: parseCidr('fd00:1::/64'), gateway: parseIpAddress('fd00:1::1') },
];
const PLAN: AttachmentPlan = {
  owner: OWNER,
  network: 'heddle',
  netns: '/proc/7/ns/net',
  hostInterface: 'hd0',
  bridge: 'heddle0',
  mac: parseMacAddress('0a:58:0a:01:00:02'),
  mtuBytes: 1400,
  addresses: ADDRESSES,
  routes: podRoutes(OWNER, ADDRESSES, SOLE_ROUTING, []),
  routing: SOLE_ROUTING,
};

/** Recorder of commands; each takes the next outcome of the list, then empty output. */
class Recorder implements CommandRunner {
  readonly calls: string[] = [];
  readonly inputs: string[] = [];
  constructor(readonly outcomes: (string | CommandError)[] = []) {}
  run(program: string, args: readonly string[], input = ''): Promise<string> {
    this.calls.push([program, ...args].join(' '));
    this.inputs.push(input);
    const outcome = this.outcomes.shift() ?? '';
    return typeof outcome === 'string' ? Promise.resolve(outcome) : Promise.reject(outcome);
  }
}
const failure = (stderr: string) => new CommandError('ip', 1, stderr);

describe('attaching a pod to the kernel', () => {
  it('runs five processes, none through a shell', async () => {
    const commands = new Recorder();
    await new VethPodNetwork(commands).attach(PLAN);
    expect(commands.calls).toEqual([
      'ip -force -batch -',
      'nft -f -',
      'bridge -batch -',
      'nsenter --net=/proc/7/ns/net tee /proc/sys/net/ipv6/conf/eth0/disable_ipv6 ' +
        '/proc/sys/net/ipv6/conf/eth0/accept_dad /proc/sys/net/ipv6/conf/eth0/accept_ra',
      'nsenter --net=/proc/7/ns/net ip -force -batch -',
    ]);
  });

  it('runs none inside the pod for switches that are off, or are files that no lock protects', async () => {
    const commands = new Recorder();
    const written: string[] = [];
    const values = new Map([
      ['disable_ipv6', '0\n'],
      ['accept_dad', '1\n'],
    ]);
    const files = {
      read: (_netns: string, path: string) => values.get(path.split('/').at(-1)!) ?? null,
      write: (netns: string, path: string, text: string) => written.push(`${netns} ${path} ${text}`) > 0,
    };
    await new VethPodNetwork(commands, files).attach(PLAN);
    expect(commands.calls.filter((call) => call.includes('tee'))).toEqual([]);
    expect(written).toEqual(
      ['accept_dad', 'accept_ra'].map((name) => `/proc/7/ns/net /proc/sys/net/ipv6/conf/eth0/${name} 0`),
    );
    values.set('disable_ipv6', '1\n');
    await new VethPodNetwork(commands, files).attach(PLAN);
    expect(commands.calls).toContain('nsenter --net=/proc/7/ns/net tee /proc/sys/net/ipv6/conf/eth0/disable_ipv6');
  });

  it('lists routes only where there are interfaces besides the loopback', async () => {
    const commands = new Recorder(['[]', '[]']);
    let table = 'Inter-|   Receive\n face |bytes packets\n    lo:       0       0\n';
    const files = { read: () => table, write: () => false };
    const network = new VethPodNetwork(commands, files);
    expect(await network.routes('/run/netns/x')).toEqual([]);
    expect(commands.calls).toEqual([]);
    table += '  eth0:     100       2\n';
    await network.routes('/run/netns/x');
    expect(commands.calls).not.toEqual([]);
  });

  it('makes the pair with final names, MACs and MTU, and sets up the bridge port before it is up', async () => {
    const commands = new Recorder();
    await new VethPodNetwork(commands).attach(PLAN);
    expect(commands.inputs[0]).toBe(
      [
        `link add hd0 group 26724 address ${hostMacOf(OWNER)} mtu 1400 type veth peer name eth0 ` +
          'address 0a:58:0a:01:00:02 mtu 1400 netns /proc/7/ns/net',
        'link set dev hd0 alias heddle/1|abc|eth0|heddle|/proc/7/ns/net',
        'link set dev hd0 group 26724',
        'link set dev hd0 addrgenmode none',
        'link set dev hd0 master heddle0',
        'link set dev hd0 type bridge_slave flood off mcast_flood on learning off hairpin off isolated on',
        'link set dev hd0 up',
        'neigh replace 10.1.0.2 lladdr 0a:58:0a:01:00:02 dev hd0 nud permanent',
        'route replace 10.1.0.2 dev hd0 proto 104',
        'route replace 10.1.0.2 dev hd0 src 10.1.0.1 proto 104',
        'neigh replace fd00:1::2 lladdr 0a:58:0a:01:00:02 dev hd0 nud permanent',
        'route replace fd00:1::2 dev hd0 proto 104',
        'route replace fd00:1::2 dev hd0 src fd00:1::1 proto 104',
        '',
      ].join('\n'),
    );
  });

  it('lets the host interface send from its own MAC and addresses, the link-local one of its MAC among them', async () => {
    const commands = new Recorder();
    await new VethPodNetwork(commands).attach(PLAN);
    const sender = '"hd0" . 0a:58:0a:01:00:02';
    expect(commands.inputs[1]).toBe(
      [
        `add element bridge heddle senders4 { ${sender} . 10.1.0.2 }`,
        `add element bridge heddle senders6 { ${sender} . fd00:1::2, ${sender} . fe80::858:aff:fe01:2 }`,
        '',
      ].join('\n'),
    );
  });

  it('gives the pod host addresses, and its gateway as the one neighbour that everything goes through', async () => {
    const commands = new Recorder();
    await new VethPodNetwork(commands).attach(PLAN);
    expect(commands.inputs[4]).toBe(
      [
        'link set dev lo up',
        'link set dev eth0 gso_max_size 61440',
        'link set dev eth0 up',
        'addr add 10.1.0.2/32 dev eth0',
        'addr add fd00:1::2/128 dev eth0 nodad',
        'neigh replace 10.1.0.1 lladdr 0a:5a:00:00:00:01 dev eth0 nud permanent',
        'neigh replace fd00:1::1 lladdr 0a:5a:00:00:00:01 dev eth0 nud permanent',
        'route add 10.1.0.1/32 scope link dev eth0 src 10.1.0.2',
        'route add 0.0.0.0/0 via 10.1.0.1 dev eth0 src 10.1.0.2',
        'route add fd00:1::1/128 dev eth0 src fd00:1::2',
        'route add ::/0 via fd00:1::1 dev eth0 src fd00:1::2',
        '',
      ].join('\n'),
    );
  });

  it('changes no IPv6 setting in a pod without IPv6', async () => {
    const commands = new Recorder();
    const addresses = ADDRESSES.slice(0, 1);
    await new VethPodNetwork(commands).attach({
      ...PLAN,
      addresses,
      routes: podRoutes(OWNER, addresses, SOLE_ROUTING, []),
    });
    expect(commands.calls).toHaveLength(4);
  });

  it('replaces an interface that a crash left under the same name', async () => {
    const commands = new Recorder([failure('RTNETLINK answers: File exists\nCommand failed -:1\n')]);
    await new VethPodNetwork(commands).attach(PLAN);
    const onHost = commands.calls.filter((call) => call.startsWith('ip '));
    expect(onHost).toEqual(['ip -force -batch -', 'ip link del dev hd0', 'ip -force -batch -']);
  });

  it.each([
    'Error: argument "/proc/7/ns/net" is wrong: Invalid "netns" value\n\nCommand failed -:1\n',
    'nsenter: cannot open /proc/7/ns/net: No such file or directory\n',
    "nsenter: reassociate to namespace 'ns/net' failed: Invalid argument\n",
  ])('fails with "namespace does not exist" on: %j', async (stderr) => {
    const network = new VethPodNetwork(new Recorder([failure(stderr)]));
    await expect(network.attach(PLAN)).rejects.toMatchObject({ cniCode: 3, details: PLAN.netns });
  });

  it('succeeds when an optional line fails', async () => {
    const commands = new Recorder([
      '',
      '',
      '',
      '',
      failure('RTNETLINK answers: Operation not supported\nCommand failed -:2\n'),
    ]);
    await expect(new VethPodNetwork(commands).attach(PLAN)).resolves.toBeUndefined();
  });

  it('names the first failed line that is not optional', async () => {
    const stderr =
      'no gso\nCommand failed -:2\nRTNETLINK answers: File exists\nCommand failed -:4\nlater\nCommand failed -:5\n';
    const network = new VethPodNetwork(new Recorder(['', '', '', '', failure(stderr)]));
    await expect(network.attach(PLAN)).rejects.toThrow(
      'ip addr add 10.1.0.2/32 dev eth0 failed with exit code 1: RTNETLINK answers: File exists',
    );
  });
});

describe('detaching and inspecting', () => {
  it('succeeds when the interface does not exist, and rejects on any other failure', async () => {
    const gone = new VethPodNetwork(new Recorder([failure('Cannot find device "hd0"\n')]));
    await expect(gone.detach('hd0')).resolves.toBeUndefined();
    const busy = new VethPodNetwork(new Recorder([failure('RTNETLINK answers: Device or resource busy\n')]));
    await expect(busy.detach('hd0')).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  });

  it('reads addresses of global scope, and skips empty entries', async () => {
    const addr_info = [
      { family: 'inet', local: '10.1.0.2', prefixlen: 32, scope: 'global' },
      { family: 'inet6', local: 'fe80::1', prefixlen: 64, scope: 'link' },
    ];
    const link = { ifname: 'eth0', ifindex: 2, link_index: 9, link_netnsid: 0, flags: ['UP'], mtu: 1400, addr_info };
    const network = new VethPodNetwork(new Recorder([JSON.stringify([{}, { ...link, address: '0a:58:0a:01:00:02' }])]));
    expect(await network.interfacesIn('/run/netns/x')).toEqual([
      { name: 'eth0', index: 2, peerIndex: 9, up: true, mac: '0a:58:0a:01:00:02', mtuBytes: 1400, ips: ['10.1.0.2'] },
    ]);
  });

  it('resolves to null where the path leads into no namespace, and rejects on any other failure', async () => {
    const gone = new VethPodNetwork(
      new Recorder([failure('nsenter: cannot open /run/netns/x: No such file or directory\n')]),
    );
    expect(await gone.interfacesIn('/run/netns/x')).toBeNull();
    const refused = new VethPodNetwork(new Recorder([failure('nsenter: cannot open x: Permission denied\n')]));
    await expect(refused.interfacesIn('/run/netns/x')).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  });

  it('refuses output of an unexpected shape', async () => {
    const network = new VethPodNetwork(new Recorder(['[{"ifname":7}]']));
    await expect(network.hostInterfaces()).rejects.toMatchObject({ code: 'DECODE_FAILED' });
  });

  it('lists only interfaces with names of host interfaces', async () => {
    const linkinfo = { info_kind: 'veth', info_slave_kind: 'bridge' };
    const links = ['hd1', 'veth7'].map((ifname) => ({
      ...{ ifname, flags: [], mtu: 1400, address: 'fe:00:00:00:00:01', master: 'br', ifalias: 'x', linkinfo },
    }));
    const network = new VethPodNetwork(new Recorder([JSON.stringify(links)]));
    expect(await network.hostInterfaces()).toMatchObject([
      { name: 'hd1', mac: 'fe:00:00:00:00:01', up: false, bridge: 'br', alias: 'x' },
    ]);
  });

  it('reads routes of all tables as ip prints them, without those that the kernel makes itself', async () => {
    const own = { dev: 'eth0', protocol: 'kernel' };
    const printed = [
      { dst: 'default', gateway: '10.1.0.1', dev: 'eth0' },
      { dst: '10.9.9.9', dev: 'net1', table: '100', metric: 7 },
      { dst: 'default', dev: 'eth0', metric: 1024, pref: 'medium' },
      { ...own, dst: 'fd00:1::2', pref: 'medium' },
      { ...own, type: 'local', dst: '10.1.0.2', table: 'local' },
    ];
    const network = new VethPodNetwork(new Recorder([JSON.stringify(printed)]));
    expect(await network.routes('/run/netns/x')).toEqual([
      { dst: '0.0.0.0/0', gateway: '10.1.0.1', ifname: 'eth0', metric: null, table: null },
      { dst: '10.9.9.9/32', gateway: null, ifname: 'net1', metric: 7, table: '100' },
      { dst: '::/0', gateway: null, ifname: 'eth0', metric: 1024, table: null },
    ]);
  });
});

describe('the name of a host interface', () => {
  it('is stable for an attachment, short enough for the kernel, and different between attachments', () => {
    const name = hostInterfaceOf(OWNER);
    expect(name).toMatch(/^hd[0-9a-f]{13}$/);
    expect(hostInterfaceOf({ ...OWNER })).toBe(name);
    expect(hostInterfaceOf({ ...OWNER, ifname: 'net1' })).not.toBe(name);
  });
});

describe('a pod with other interfaces', () => {
  it('routes what it sends from the addresses of this one by a table of their own, in both families', async () => {
    const commands = new Recorder();
    const routing = { defaultFamilies: [], clusterFamilies: [4, 6] as const, metric: 10_000, beside: true };
    const routes = podRoutes(OWNER, ADDRESSES, routing, [parseCidr('10.0.0.0/8'), parseCidr('fd00::/16')]);
    await new VethPodNetwork(commands).attach({ ...PLAN, routes, routing });
    const table = sourceTableOf(OWNER);
    expect(commands.inputs[4]!.split('\n').filter((line) => line.startsWith('route'))).toEqual([
      'route add 10.1.0.1/32 scope link dev eth0 src 10.1.0.2 metric 10000',
      'route add 10.0.0.0/8 via 10.1.0.1 dev eth0 src 10.1.0.2 metric 10000',
      `route add 10.1.0.1/32 scope link dev eth0 src 10.1.0.2 table ${table}`,
      `route add 0.0.0.0/0 via 10.1.0.1 dev eth0 src 10.1.0.2 table ${table}`,
      'route add fd00:1::1/128 dev eth0 src fd00:1::2 metric 10000',
      'route add fd00::/16 via fd00:1::1 dev eth0 src fd00:1::2 metric 10000',
      `route add fd00:1::1/128 dev eth0 src fd00:1::2 table ${table}`,
      `route add ::/0 via fd00:1::1 dev eth0 src fd00:1::2 table ${table}`,
    ]);
    expect(commands.calls.slice(5)).toEqual(
      [4, 6].map((family) => `nsenter --net=/proc/7/ns/net ip -${family} -force -batch -`),
    );
    expect(commands.inputs.slice(5)).toEqual([
      `rule add from 10.1.0.2 lookup ${table} pref 1040\n`,
      `rule add from fd00:1::2 lookup ${table} pref 1040\n`,
    ]);
  });
});

describe('the inside of a running pod', () => {
  it('is listed: the gateways among its permanent neighbours, and its rules for single addresses', async () => {
    const neighbours = [
      { dst: '10.1.0.1', dev: 'eth0', lladdr: GATEWAY_MAC, state: ['PERMANENT'] },
      { dst: '10.1.0.9', dev: 'eth0', lladdr: '02:00:00:00:00:09', state: ['PERMANENT'] },
    ];
    const rules = [
      { priority: 0, src: 'all', table: 'local' },
      { priority: 1040, src: '10.1.0.2', table: '1745182720' },
      { priority: 2000, src: '10.9.0.0', srclen: 16, table: '7' },
    ];
    const commands = new Recorder([JSON.stringify(neighbours), JSON.stringify(rules), '[]']);
    const network = new VethPodNetwork(commands);
    expect(await network.gateways('/run/netns/x', 'eth0')).toEqual(['10.1.0.1']);
    expect(await network.sourceRules('/run/netns/x')).toEqual([{ source: '10.1.0.2', table: '1745182720' }]);
    expect(commands.calls).toEqual([
      'nsenter --net=/run/netns/x ip -json neigh show nud permanent dev eth0',
      'nsenter --net=/run/netns/x ip -4 -json rule show',
      'nsenter --net=/run/netns/x ip -6 -json rule show',
    ]);
  });

  it('gets lost parts again, those first on which others depend, and nothing is run without any', async () => {
    const commands = new Recorder();
    const network = new VethPodNetwork(commands);
    const [{ ip, gateway }] = ADDRESSES as [PodAddress];
    const routes = podRoutes(OWNER, ADDRESSES.slice(0, 1), SOLE_ROUTING, []);
    await network.addInside('/run/netns/x', 'eth0', { ips: [], gateways: [], routes: [], rules: [] });
    expect(commands.calls).toEqual([]);
    await network.addInside('/run/netns/x', 'eth0', {
      ips: [ip],
      gateways: [gateway],
      routes,
      rules: [{ source: ip, table: 7 }],
    });
    expect(commands.inputs.join('').trimEnd().split('\n')).toEqual([
      'addr add 10.1.0.2/32 dev eth0',
      `neigh replace 10.1.0.1 lladdr ${GATEWAY_MAC} dev eth0 nud permanent`,
      'route add 10.1.0.1/32 scope link dev eth0 src 10.1.0.2',
      'route add 0.0.0.0/0 via 10.1.0.1 dev eth0 src 10.1.0.2',
      'rule add from 10.1.0.2 lookup 7 pref 1040',
    ]);
  });
});

describe('the routes of a pod', () => {
  it('have nothing on-link but the gateway', () => {
    const routes = podRoutes(OWNER, ADDRESSES.slice(0, 1), SOLE_ROUTING, []);
    expect(routes.map(({ dst, gateway }) => [dst, gateway])).toEqual([
      ['10.1.0.1/32', null],
      ['0.0.0.0/0', '10.1.0.1'],
    ]);
  });
});
