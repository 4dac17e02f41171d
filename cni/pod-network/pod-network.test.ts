import { describe, expect, it } from '@jest/globals';
import { parseCidr } from '../../common/address/cidr.js';
import type { CommandRunner } from '../../common/host/command.js';
import type { NetfilterRequest, NetlinkRequest, NetlinkRunner } from '../../common/host/netlink-runner.js';
import { CommandError, HeddleError, NetlinkError } from '../../common/errors.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { IpAddress } from '../../common/address/ip-address.js';
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

/** Recorder of requests, by namespace (`node` for that of the node); each run takes the next outcome, then succeeds. */
class Requests implements NetlinkRunner {
  readonly runs: { readonly where: string; readonly requests: readonly NetlinkRequest[] }[] = [];
  constructor(readonly outcomes: (HeddleError | null)[] = []) {}
  run(netns: string | null, requests: readonly NetlinkRequest[]): Promise<void> {
    this.runs.push({ where: netns ?? 'node', requests });
    const outcome = this.outcomes.shift() ?? null;
    return outcome === null ? Promise.resolve() : Promise.reject(outcome);
  }
  /** `nft` commands of each transaction, and `conntrack` commands. */
  readonly changes: string[][] = [];
  readonly deletions: string[] = [];
  change(_netns: string | null, changes: readonly NetfilterRequest[]): Promise<void> {
    this.changes.push(changes.map(({ text }) => text));
    return Promise.resolve();
  }
  deleteListed(_netns: string | null, { text }: NetfilterRequest): Promise<void> {
    this.deletions.push(text);
    return Promise.resolve();
  }
  get texts(): string[][] {
    return this.runs.map(({ requests }) => requests.map(({ text }) => text));
  }
}
const refusal = (errno: number, reason: string) => new NetlinkError('ip link add', errno, reason);
const noNamespace = new HeddleError('NOT_FOUND', 'no network namespace at /proc/7/ns/net: ENOENT');

describe('attaching a pod to the kernel', () => {
  it('changes the node and the pod by requests, and starts a program for IPv6 alone, where files are not at hand', async () => {
    const [commands, requests] = [new Recorder(), new Requests()];
    await new VethPodNetwork(commands, requests).attach(PLAN);
    expect(requests.runs.map(({ where }) => where)).toEqual(['node', '/proc/7/ns/net']);
    expect(commands.calls).toEqual([
      'nsenter --net=/proc/7/ns/net tee /proc/sys/net/ipv6/conf/eth0/disable_ipv6 ' +
        '/proc/sys/net/ipv6/conf/eth0/accept_dad /proc/sys/net/ipv6/conf/eth0/accept_ra',
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
    await new VethPodNetwork(commands, new Requests(), files).attach(PLAN);
    expect(commands.calls.filter((call) => call.includes('tee'))).toEqual([]);
    expect(written).toEqual(
      ['accept_dad', 'accept_ra'].map((name) => `/proc/7/ns/net /proc/sys/net/ipv6/conf/eth0/${name} 0`),
    );
    values.set('disable_ipv6', '1\n');
    await new VethPodNetwork(commands, new Requests(), files).attach(PLAN);
    expect(commands.calls).toContain('nsenter --net=/proc/7/ns/net tee /proc/sys/net/ipv6/conf/eth0/disable_ipv6');
  });

  it('lists routes only where there are interfaces besides the loopback', async () => {
    const commands = new Recorder(['[]', '[]']);
    let table = 'Inter-|   Receive\n face |bytes packets\n    lo:       0       0\n';
    const files = { read: () => table, write: () => false };
    const network = new VethPodNetwork(commands, new Requests(), files);
    expect(await network.routes('/run/netns/x')).toEqual([]);
    expect(commands.calls).toEqual([]);
    table += '  eth0:     100       2\n';
    await network.routes('/run/netns/x');
    expect(commands.calls).not.toEqual([]);
  });

  it('makes the pair with final names, MACs and MTU, and sets up the bridge port before it is up', async () => {
    const requests = new Requests();
    await new VethPodNetwork(new Recorder(), requests).attach(PLAN);
    expect(requests.texts[0]).toEqual([
      `ip link add hd0 group 26724 address ${hostMacOf(OWNER)} mtu 1400 type veth peer name eth0 ` +
        'address 0a:58:0a:01:00:02 mtu 1400 netns /proc/7/ns/net',
      'ip link set dev hd0 alias heddle/1|abc|eth0|heddle|/proc/7/ns/net',
      'ip link set dev hd0 group 26724',
      'ip link set dev hd0 addrgenmode none',
      'ip link set dev hd0 master heddle0',
      'ip link set dev hd0 type bridge_slave flood off mcast_flood on learning off hairpin off isolated on',
      'ip link set dev hd0 up',
      'bridge fdb replace 0a:58:0a:01:00:02 dev hd0 master static sticky',
      'ip neigh replace 10.1.0.2 lladdr 0a:58:0a:01:00:02 dev hd0 nud permanent',
      'ip route replace 10.1.0.2/32 dev hd0 proto 104',
      'ip route replace 10.1.0.2/32 dev hd0 src 10.1.0.1 proto 104',
      'ip neigh replace fd00:1::2 lladdr 0a:58:0a:01:00:02 dev hd0 nud permanent',
      'ip route replace fd00:1::2/128 dev hd0 proto 104',
      'ip route replace fd00:1::2/128 dev hd0 src fd00:1::1 proto 104',
    ]);
    const optional = requests.runs[0]!.requests.filter((request) => request.optional).map(({ text }) => text);
    expect(optional.every((text) => /addrgenmode| src /.test(text))).toBe(true);
    expect(optional).toHaveLength(3);
  });

  it('lets the host interface send from its own MAC and addresses, the link-local one of its MAC among them', async () => {
    const requests = new Requests();
    await new VethPodNetwork(new Recorder(), requests).attach(PLAN);
    const sender = '"hd0" . 0a:58:0a:01:00:02';
    expect(requests.changes).toEqual([
      [
        `nft add element bridge heddle senders4 { ${sender} . 10.1.0.2 }`,
        `nft add element bridge heddle senders6 { ${sender} . fd00:1::2, ${sender} . fe80::858:aff:fe01:2 }`,
      ],
    ]);
  });

  it('gives the pod host addresses, and its gateway as the one neighbour that everything goes through', async () => {
    const requests = new Requests();
    await new VethPodNetwork(new Recorder(), requests).attach(PLAN);
    expect(requests.texts[1]).toEqual([
      'ip link set dev lo up',
      'ip link set dev eth0 gso_max_size 61440',
      'ip link set dev eth0 up',
      'ip addr add 10.1.0.2/32 dev eth0',
      'ip addr add fd00:1::2/128 dev eth0 nodad',
      'ip neigh replace 10.1.0.1 lladdr 0a:5a:00:00:00:01 dev eth0 nud permanent',
      'ip neigh replace fd00:1::1 lladdr 0a:5a:00:00:00:01 dev eth0 nud permanent',
      'ip route add 10.1.0.1/32 dev eth0 src 10.1.0.2',
      'ip route add 0.0.0.0/0 via 10.1.0.1 dev eth0 src 10.1.0.2',
      'ip route add fd00:1::1/128 dev eth0 src fd00:1::2',
      'ip route add ::/0 via fd00:1::1 dev eth0 src fd00:1::2',
    ]);
  });

  it('changes no IPv6 setting in a pod without IPv6', async () => {
    const commands = new Recorder();
    const addresses = ADDRESSES.slice(0, 1);
    const routes = podRoutes(OWNER, addresses, SOLE_ROUTING, []);
    await new VethPodNetwork(commands, new Requests()).attach({ ...PLAN, addresses, routes });
    expect(commands.calls).toEqual([]);
  });

  it('replaces an interface that a crash left under the same name', async () => {
    const requests = new Requests([refusal(17, 'file already exists (EEXIST)')]);
    await new VethPodNetwork(new Recorder(), requests).attach(PLAN);
    expect(requests.texts.slice(0, 3).map(([first]) => first)).toEqual([
      expect.stringContaining('ip link add hd0'),
      'ip link del dev hd0',
      expect.stringContaining('ip link add hd0'),
    ]);
  });

  it('switches IPv6 on for a host interface that the host makes without, and repeats what may be repeated', async () => {
    const commands = new Recorder();
    const requests = new Requests([refusal(13, 'IPv6 is disabled on nexthop device (EACCES)')]);
    await new VethPodNetwork(commands, requests).attach(PLAN);
    expect(commands.calls).toContain('tee /proc/sys/net/ipv6/conf/hd0/disable_ipv6');
    expect(requests.texts[1]![0]).toBe('ip link set dev hd0 group 26724');
  });

  it('fails with "namespace does not exist" when the node or the pod has none at the path', async () => {
    for (const outcomes of [[noNamespace], [null, noNamespace]]) {
      const network = new VethPodNetwork(new Recorder(), new Requests(outcomes));
      await expect(network.attach(PLAN)).rejects.toMatchObject({ cniCode: 3, details: PLAN.netns });
    }
  });

  it('fails as the first request that the kernel refuses', async () => {
    const network = new VethPodNetwork(
      new Recorder(),
      new Requests([null, refusal(17, 'file already exists (EEXIST)')]),
    );
    await expect(network.attach(PLAN)).rejects.toThrow('ip link add failed: file already exists (EEXIST)');
  });
});

describe('detaching and inspecting', () => {
  it('removes elements of the source guard in one transaction, which adds them first since deletion refuses absent ones', async () => {
    const requests = new Requests();
    const network = new VethPodNetwork(new Recorder(), requests);
    await network.removeElements([]);
    await network.removeElements([{ hostInterface: 'hd0', mac: '0a:58:0a:01:00:02', ip: '10.1.0.2' }]);
    const element = 'element bridge heddle senders4 { "hd0" . 0a:58:0a:01:00:02 . 10.1.0.2 }';
    expect(requests.changes).toEqual([[`nft add ${element}`, `nft delete ${element}`]]);
  });

  it('lists few connections once for all calls that wait, and many by the places that each address can have', async () => {
    const requests = new Requests();
    const commands = new Recorder(['7\n', '1000\n', '1001\n', failure('cat: no such file')]);
    const network = new VethPodNetwork(commands, requests);
    const [ip4, ip6] = ADDRESSES.map(({ ip }) => ip) as [IpAddress, IpAddress];
    await Promise.all([[ip4], [ip6], [ip4, ip6]].map((ips) => network.forgetConnections(ips)));
    expect(requests.deletions.splice(0)).toEqual(['conntrack -L', 'conntrack -L']);
    for (const ip of [ip4, ip6]) await network.forgetConnections([ip]);
    const places = ['original source', 'original destination', 'reply source'];
    expect(requests.deletions).toEqual([
      ...places.map((place) => `conntrack -L -f ipv4 with ${ip4} as ${place}`),
      'conntrack -L -f ipv6',
    ]);
  });

  it('succeeds when the interface does not exist, and rejects on any other failure', async () => {
    const gone = new VethPodNetwork(new Recorder(), new Requests([refusal(19, 'no such device (ENODEV)')]));
    await expect(gone.detach('hd0')).resolves.toBeUndefined();
    const busy = new VethPodNetwork(new Recorder(), new Requests([refusal(16, 'resource busy or locked (EBUSY)')]));
    await expect(busy.detach('hd0')).rejects.toMatchObject({ code: 'HOST_REFUSED' });
  });

  it('reads addresses of global scope, and skips empty entries', async () => {
    const addr_info = [
      { family: 'inet', local: '10.1.0.2', prefixlen: 32, scope: 'global' },
      { family: 'inet6', local: 'fe80::1', prefixlen: 64, scope: 'link' },
    ];
    const link = { ifname: 'eth0', ifindex: 2, link_index: 9, link_netnsid: 0, flags: ['UP'], mtu: 1400, addr_info };
    const network = new VethPodNetwork(
      new Recorder([JSON.stringify([{}, { ...link, address: '0a:58:0a:01:00:02' }])]),
      new Requests(),
    );
    expect(await network.interfacesIn('/run/netns/x')).toEqual([
      { name: 'eth0', index: 2, peerIndex: 9, up: true, mac: '0a:58:0a:01:00:02', mtuBytes: 1400, ips: ['10.1.0.2'] },
    ]);
  });

  it.each([
    'nsenter: cannot open /run/netns/x: No such file or directory\n',
    "nsenter: reassociate to namespace 'ns/net' failed: Invalid argument\n",
  ])('resolves to null where the path leads into no namespace: %j', async (stderr) => {
    const gone = new VethPodNetwork(new Recorder([failure(stderr)]), new Requests());
    expect(await gone.interfacesIn('/run/netns/x')).toBeNull();
    const routes = new VethPodNetwork(new Recorder([failure(stderr)]), new Requests()).routes('/run/netns/x');
    await expect(routes).rejects.toMatchObject({ cniCode: 3, details: '/run/netns/x' });
  });

  it('rejects on any other failure', async () => {
    const refused = new VethPodNetwork(
      new Recorder([failure('nsenter: cannot open x: Permission denied\n')]),
      new Requests(),
    );
    await expect(refused.interfacesIn('/run/netns/x')).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  });

  it('refuses output of an unexpected shape', async () => {
    const network = new VethPodNetwork(new Recorder(['[{"ifname":7}]']), new Requests());
    await expect(network.hostInterfaces()).rejects.toMatchObject({ code: 'DECODE_FAILED' });
  });

  it('lists only interfaces with names of host interfaces', async () => {
    const linkinfo = { info_kind: 'veth', info_slave_kind: 'bridge' };
    const links = ['hd1', 'veth7'].map((ifname) => ({
      ...{ ifname, flags: [], mtu: 1400, address: 'fe:00:00:00:00:01', master: 'br', ifalias: 'x', linkinfo },
    }));
    const network = new VethPodNetwork(new Recorder([JSON.stringify(links)]), new Requests());
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
    const network = new VethPodNetwork(new Recorder([JSON.stringify(printed)]), new Requests());
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
    const requests = new Requests();
    const routing = { defaultFamilies: [], clusterFamilies: [4, 6] as const, metric: 10_000, beside: true };
    const routes = podRoutes(OWNER, ADDRESSES, routing, [parseCidr('10.0.0.0/8'), parseCidr('fd00::/16')]);
    await new VethPodNetwork(new Recorder(), requests).attach({ ...PLAN, routes, routing });
    const table = sourceTableOf(OWNER);
    expect(requests.texts[1]!.filter((text) => /^ip (route|rule)/.test(text))).toEqual([
      'ip route add 10.1.0.1/32 dev eth0 src 10.1.0.2 metric 10000',
      'ip route add 10.0.0.0/8 via 10.1.0.1 dev eth0 src 10.1.0.2 metric 10000',
      `ip route add 10.1.0.1/32 dev eth0 src 10.1.0.2 table ${table}`,
      `ip route add 0.0.0.0/0 via 10.1.0.1 dev eth0 src 10.1.0.2 table ${table}`,
      'ip route add fd00:1::1/128 dev eth0 src fd00:1::2 metric 10000',
      'ip route add fd00::/16 via fd00:1::1 dev eth0 src fd00:1::2 metric 10000',
      `ip route add fd00:1::1/128 dev eth0 src fd00:1::2 table ${table}`,
      `ip route add ::/0 via fd00:1::1 dev eth0 src fd00:1::2 table ${table}`,
      `ip rule add from 10.1.0.2 lookup ${table} pref 1040`,
      `ip rule add from fd00:1::2 lookup ${table} pref 1040`,
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
    const network = new VethPodNetwork(commands, new Requests());
    expect(await network.gateways('/run/netns/x', 'eth0')).toEqual(['10.1.0.1']);
    expect(await network.sourceRules('/run/netns/x')).toEqual([{ source: '10.1.0.2', table: '1745182720' }]);
    expect(commands.calls).toEqual([
      'nsenter --net=/run/netns/x ip -json neigh show nud permanent dev eth0',
      'nsenter --net=/run/netns/x ip -4 -json rule show',
      'nsenter --net=/run/netns/x ip -6 -json rule show',
    ]);
  });

  it('gets lost parts again, those first on which others depend, and nothing is run without any', async () => {
    const requests = new Requests();
    const network = new VethPodNetwork(new Recorder(), requests);
    const [{ ip, gateway }] = ADDRESSES as [PodAddress];
    const routes = podRoutes(OWNER, ADDRESSES.slice(0, 1), SOLE_ROUTING, []);
    await network.addInside('/run/netns/x', 'eth0', { ips: [], gateways: [], routes: [], rules: [] });
    expect(requests.runs).toEqual([]);
    await network.addInside('/run/netns/x', 'eth0', {
      ips: [ip],
      gateways: [gateway],
      routes,
      rules: [{ source: ip, table: 7 }],
    });
    expect(requests.texts).toEqual([
      [
        'ip addr add 10.1.0.2/32 dev eth0',
        `ip neigh replace 10.1.0.1 lladdr ${GATEWAY_MAC} dev eth0 nud permanent`,
        'ip route add 10.1.0.1/32 dev eth0 src 10.1.0.2',
        'ip route add 0.0.0.0/0 via 10.1.0.1 dev eth0 src 10.1.0.2',
        'ip rule add from 10.1.0.2 lookup 7 pref 1040',
      ],
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
