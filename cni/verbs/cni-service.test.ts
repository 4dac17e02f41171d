import { beforeEach, describe, expect, it } from '@jest/globals';
import { CNI_VERSIONS } from '../../common/cni-versions.js';
import { decodeRelayResponse, encodeRelayRequest } from '../relay/relay-protocol.js';
import type { CniResponse } from '../relay/relay-protocol.js';
import { parseCidr } from '../../common/address/cidr.js';
import { FakeNode } from '../testing/fake-node.js';

interface Result {
  cniVersion: string;
  interfaces: { name: string; mac: string; sandbox?: string; mtu?: number }[];
  ips: { version?: string; address: string; gateway: string; interface: number }[];
  routes: { dst: string; gw?: string; mtu?: number; scope?: number; priority?: number }[];
  dns: object;
}
const resultOf = (response: CniResponse) => JSON.parse(response.stdout) as Result;
const errorOf = (response: CniResponse) =>
  JSON.parse(response.stdout) as { code: number; msg: string; details?: string };

let node: FakeNode;
beforeEach(() => {
  node = new FakeNode();
  node.namespaces.add('/run/netns/a');
  node.namespaces.add('/run/netns/b');
});

/** No interface, address or record exists. */
function expectEmpty(): void {
  expect([...node.pairs.keys(), ...node.allocations.keys(), ...node.records.keys(), ...node.admitted]).toEqual([]);
}

describe('ADD', () => {
  it('attaches a pod and returns its interfaces, addresses and routes', async () => {
    const response = await node.call('ADD');
    expect(response.exitCode).toBe(0);
    expect(resultOf(response)).toEqual({
      cniVersion: '1.1.0',
      interfaces: [
        { name: [...node.pairs.keys()][0], mac: expect.stringMatching(/^fe:/), mtu: 1400 },
        { name: 'eth0', mac: '0a:58:0a:01:00:02', mtu: 1400, sandbox: '/run/netns/a' },
      ],
      ips: [
        { address: '10.1.0.2/32', gateway: '10.1.0.1', interface: 1 },
        { address: 'fd00:1::2/128', gateway: 'fd00:1::1', interface: 1 },
      ],
      routes: [
        { dst: '10.1.0.1/32', mtu: 1400, scope: 253 },
        { dst: '0.0.0.0/0', gw: '10.1.0.1', mtu: 1400 },
        { dst: 'fd00:1::1/128', mtu: 1400, scope: 253 },
        { dst: '::/0', gw: 'fd00:1::1', mtu: 1400 },
      ],
      dns: {},
    });
  });

  it.each([
    ['0.3.0', true],
    ['0.3.1', true],
    ['0.4.0', true],
    ['1.0.0', false],
  ])('returns a result in the shape of %s', async (cniVersion, hasIpVersion) => {
    const result = resultOf(await node.call('ADD', { cniVersion }));
    expect(result.cniVersion).toBe(cniVersion);
    expect(result.ips.map((ip) => ip.version)).toEqual(hasIpVersion ? ['4', '6'] : [undefined, undefined]);
    expect(JSON.stringify(result)).not.toContain('"mtu"');
  });

  it('answers after verdict, interface, record and router, in this order', async () => {
    await node.call('ADD', {}, { CNI_ARGS: 'K8S_POD_NAMESPACE=shop;K8S_POD_NAME=cart' });
    expect(node.steps).toEqual([
      ...['allocate', 'routes', 'admit', 'pair', 'forgetConnections', 'bridge port', 'addresses', 'put', 'announce'],
    ]);
    expect(node.announced.at(-1)).toMatchObject([
      { podNamespace: 'shop', podName: 'cart', ips: ['10.1.0.2', 'fd00:1::2'] },
    ]);
  });

  it('returns the same result again for an intact attachment', async () => {
    const first = await node.call('ADD');
    node.steps.length = 0;
    expect(await node.call('ADD')).toEqual(first);
    expect(node.steps).toEqual(['allocate', 'routes', 'interfacesIn', 'observe', 'routes']);
  });

  it('attaches again, with the same addresses, in another namespace', async () => {
    const first = resultOf(await node.call('ADD'));
    const second = resultOf(await node.call('ADD', {}, { CNI_NETNS: '/run/netns/b' }));
    expect(second.ips).toEqual(first.ips);
    expect([...node.pairs.values()].map((pair) => pair.netns)).toEqual(['/run/netns/b']);
  });

  it('attaches again when the interface was deleted', async () => {
    await node.call('ADD');
    node.pairs.clear();
    expect((await node.call('ADD')).exitCode).toBe(0);
    expect(node.pairs.size).toBe(1);
  });

  it('appends to the result of plugins before it', async () => {
    const prevResult = {
      interfaces: [{ name: 'dummy0', mac: '02:00:00:00:00:01' }],
      ips: [{ address: '192.0.2.1/24', interface: 0 }],
      routes: [{ dst: '192.0.2.0/24' }],
      dns: { search: ['cluster.local'] },
    };
    const result = resultOf(await node.call('ADD', { prevResult, dns: { nameservers: ['10.96.0.10'] } }));
    expect(result.interfaces.map((entry) => entry.name)).toEqual(['dummy0', [...node.pairs.keys()][0], 'eth0']);
    expect(result.ips.map((ip) => ip.interface)).toEqual([0, 2, 2]);
    expect(result.routes).toHaveLength(5);
    expect(result.dns).toEqual({ search: ['cluster.local'], nameservers: ['10.96.0.10'] });
  });

  it('passes on every field of the result of plugins before it, known or not', async () => {
    const prevResult = {
      interfaces: [{ name: 'net9', mac: '02:00:00:00:00:01', sandbox: '/run/netns/a', mtu: 9000, socketPath: '/x' }],
      ips: null,
      routes: [{ dst: '192.0.2.0/24', gw: '192.0.2.1', priority: 7, table: 9 }],
      dns: { nameservers: ['192.0.2.53'], domain: 'x' },
      extra: { a: 1 },
    };
    const result = resultOf(await node.call('ADD', { prevResult }));
    expect(result).toMatchObject({ extra: prevResult.extra, dns: prevResult.dns });
    expect([result.interfaces[0], result.routes[0]]).toEqual([prevResult.interfaces[0], prevResult.routes[0]]);
    expect(result.ips.map((ip) => ip.interface)).toEqual([2, 2]);
  });

  it.each([
    ['as the convention writes it', { servers: ['10.96.0.9'], searches: ['svc'], options: ['ndots:5'] }],
    ['as containerd 1 writes it', { Servers: ['10.96.0.9'], Searches: ['svc'], Options: ['ndots:5'] }],
  ])('gives the dns of the runtime in its result, %s', async (_, dns) => {
    const config = { dns: { nameservers: ['10.96.0.10'], domain: 'local' }, runtimeConfig: { dns } };
    expect(resultOf(await node.call('ADD', config)).dns).toEqual({
      nameservers: ['10.96.0.9'],
      search: ['svc'],
      options: ['ndots:5'],
      domain: 'local',
    });
  });

  it('gives the pod the MAC that the runtime requests', async () => {
    const result = resultOf(await node.call('ADD', { runtimeConfig: { mac: '02:00:00:00:00:07' } }));
    expect(result.interfaces[1]?.mac).toBe('02:00:00:00:00:07');
  });

  it('fails with "try again later" and the reason while the node is not ready', async () => {
    node.unready = { code: 50, message: 'the router is not connected' };
    const response = await node.call('ADD');
    expect(response.exitCode).toBe(1);
    expect(errorOf(response)).toMatchObject({ code: 11, details: 'the router is not connected' });
    expectEmpty();
  });

  it.each([
    ['admit', 5],
    ['pair', 5],
    ['addresses', 5],
    ['put', 5],
    ['announce', 5],
  ])('leaves nothing behind when the step "%s" fails', async (step, code) => {
    node.refuse(step);
    expect(errorOf(await node.call('ADD'))).toMatchObject({ code });
    node.refuse('');
    expectEmpty();
    expect(node.guard).toEqual([]);
  });

  it('has no stack trace in its error', async () => {
    const response = await node.call('ADD', {}, { CNI_NETNS: '/run/netns/none' });
    expect(response.exitCode).toBe(1);
    expect(response.stdout).not.toMatch(/\.ts|at Object|\\n/);
  });
});

describe('DEL', () => {
  it('removes everything, and succeeds when repeated', async () => {
    await node.call('ADD');
    for (let i = 0; i < 2; i++) expect(await node.call('DEL')).toEqual({ exitCode: 0, stdout: '' });
    expectEmpty();
    expect(node.guard).toEqual([]);
    expect(node.announced.at(-1)).toEqual([]);
  });

  it('removes the connections of its addresses, which ADD does again', async () => {
    await node.call('ADD');
    expect(node.forgotten).toEqual(['10.1.0.2', 'fd00:1::2']);
    await node.call('DEL');
    expect(node.forgotten).toHaveLength(4);
  });

  it('succeeds on a node without the tool for that', async () => {
    await node.call('ADD');
    node.refuse('forgetConnections');
    expect((await node.call('DEL')).exitCode).toBe(0);
    expectEmpty();
  });

  it('succeeds without a namespace, after its end, and for an unknown container', async () => {
    await node.call('ADD');
    node.destroyNamespace('/run/netns/a');
    expect((await node.call('DEL', {}, { CNI_NETNS: '' })).exitCode).toBe(0);
    expect((await node.call('DEL', {}, { CNI_CONTAINERID: 'never-seen' })).exitCode).toBe(0);
    expectEmpty();
  });

  it.each(['release', 'remove', 'announce'])(
    'succeeds when the step "%s" fails, and the reconciler does the rest',
    async (step) => {
      await node.call('ADD');
      node.refuse(step);
      expect((await node.call('DEL')).exitCode).toBe(0);
      node.refuse('');
      await node.restart();
      expectEmpty();
    },
  );

  it('keeps the address when the interface could not be removed', async () => {
    await node.call('ADD');
    node.refuse('detach');
    expect((await node.call('DEL')).exitCode).toBe(1);
    expect(node.allocations.size).toBe(1);
  });

  it.each([{ prevResult: null }, { cniVersion: '9.9.9' }, { runtimeConfig: { ips: 'all' } }, { name: '' }, { mtu: 1 }])(
    'removes everything with the odd configuration %j',
    async (config) => {
      await node.call('ADD');
      expect(await node.call('DEL', config)).toEqual({ exitCode: 0, stdout: '' });
      expectEmpty();
    },
  );

  it('that was deferred does not touch an attachment made after it', async () => {
    await node.call('ADD');
    expect((await node.call('DEL', {}, {}, node.nowMs - 1)).exitCode).toBe(0);
    expect(node.records.size).toBe(1);
    await node.call('DEL', {}, {}, node.nowMs + 1);
    expectEmpty();
  });
});

describe('CHECK', () => {
  it('finds no difference after ADD', async () => {
    const prevResult = resultOf(await node.call('ADD'));
    expect(await node.call('CHECK', { prevResult })).toEqual({ exitCode: 0, stdout: '' });
  });

  it.each<[string, (pair: FakeNode['pairs'] extends Map<string, infer P> ? P : never) => void, string]>([
    ['an address', (pair) => (pair.pod = { ...pair.pod, ips: [] }), 'address 10.1.0.2 is missing on eth0'],
    ['the MAC', (pair) => (pair.pod = { ...pair.pod, mac: '02:00:00:00:00:01' }), 'has MAC 02:00:00:00:00:01'],
    ['the state of the interface', (pair) => (pair.pod = { ...pair.pod, up: false }), 'interface eth0 is down'],
    ['the bridge', (pair) => (pair.bridge = null), 'is on no bridge, expected heddle0'],
    ['a route', (pair) => pair.routes.shift(), 'route to 10.1.0.1/32 is missing'],
  ])('finds a change of %s', async (_, change, details) => {
    const prevResult = resultOf(await node.call('ADD'));
    change([...node.pairs.values()][0]!);
    const error = errorOf(await node.call('CHECK', { prevResult }));
    expect(error.code).toBe(103);
    expect(error.details).toContain(details);
  });

  it('leaves routes and interfaces of other plugins in the result to them', async () => {
    const prevResult = resultOf(await node.call('ADD'));
    const chained = {
      ...prevResult,
      interfaces: [...prevResult.interfaces, { name: 'net1', mac: '02:00:00:00:00:09', sandbox: '/run/netns/a' }],
      routes: [...prevResult.routes, { dst: '192.0.2.0/24', gw: '192.0.2.1' }],
    };
    expect(await node.call('CHECK', { prevResult: chained })).toEqual({ exitCode: 0, stdout: '' });
  });

  it('accepts that a plugin moved its routes to another table of the interface', async () => {
    const prevResult = resultOf(await node.call('ADD'));
    const pair = [...node.pairs.values()][0]!;
    pair.routes = pair.routes.map((route) => ({ ...route, table: '100' }));
    expect(await node.call('CHECK', { prevResult })).toEqual({ exitCode: 0, stdout: '' });
    await node.service.reconcile();
    expect(pair.routes).toHaveLength(4);
  });

  it('finds that the address is not allocated', async () => {
    const prevResult = resultOf(await node.call('ADD'));
    node.allocations.clear();
    expect(errorOf(await node.call('CHECK', { prevResult })).details).toContain('10.1.0.2 is not reserved');
  });

  it('compares with the previous result', async () => {
    await node.call('ADD');
    const prevResult = { interfaces: [], ips: [{ address: '10.1.0.99/32' }] };
    const { details } = errorOf(await node.call('CHECK', { prevResult }));
    expect(details).toContain('prevResult lacks address 10.1.0.2');
    expect(details).toContain('prevResult lacks interface eth0');
  });

  it('fails without prevResult, and for an unknown container', async () => {
    expect(errorOf(await node.call('CHECK')).code).toBe(7);
    expect(errorOf(await node.call('CHECK', { prevResult: {} })).code).toBe(3);
  });
});

describe('a call that is not performed', () => {
  it('gets code 11 and the reason, in its own version', () => {
    const stdin = Buffer.from('{"cniVersion":"0.4.0","name":"heddle"}');
    const request = encodeRelayRequest({ env: new Map([['CNI_COMMAND', 'ADD']]), stdin });
    const response = decodeRelayResponse(node.service.refuse(request, '512 CNI calls wait already'));
    expect(errorOf(response)).toEqual({
      cniVersion: '0.4.0',
      code: 11,
      msg: 'try again later',
      details: '512 CNI calls wait already',
    });
  });
});

describe('STATUS, VERSION and GC', () => {
  it('STATUS succeeds when the node is ready, and fails with the reason otherwise', async () => {
    expect(await node.call('STATUS')).toEqual({ exitCode: 0, stdout: '' });
    node.unready = { code: 51, message: 'no link is up' };
    expect(errorOf(await node.call('STATUS'))).toMatchObject({ code: 51, details: 'no link is up' });
  });

  it('VERSION lists all versions, in the version of the call', async () => {
    expect(JSON.parse((await node.call('VERSION', { cniVersion: '0.4.0' })).stdout)).toEqual({
      cniVersion: '0.4.0',
      supportedVersions: CNI_VERSIONS,
    });
  });

  it('GC removes attachments of its network that the runtime does not list', async () => {
    for (const id of ['kept', 'stale']) await node.call('ADD', {}, { CNI_CONTAINERID: id });
    await node.call('ADD', { name: 'other' }, { CNI_CONTAINERID: 'foreign', CNI_NETNS: '/run/netns/b' });
    const list = { 'cni.dev/valid-attachments': [{ containerID: 'kept', ifname: 'eth0' }] };
    expect((await node.call('GC', list)).exitCode).toBe(0);
    expect([...node.records.values()].map((record) => record.containerId)).toEqual(['kept', 'foreign']);
  });

  it('GC removes addresses and interfaces without a record', async () => {
    await node.call('ADD');
    node.records.clear();
    await node.call('GC', { 'cni.dev/valid-attachments': [] });
    expectEmpty();
  });

  it('GC with a null list removes only attachments whose pods are gone', async () => {
    await node.call('ADD');
    await node.call('ADD', {}, { CNI_CONTAINERID: 'pod-b', CNI_NETNS: '/run/netns/b' });
    node.destroyNamespace('/run/netns/b');
    expect((await node.call('GC', { 'cni.dev/valid-attachments': null })).exitCode).toBe(0);
    expect([...node.records.values()].map((record) => record.containerId)).toEqual(['pod-a']);
  });

  it('GC continues after a failure, and reports all failures', async () => {
    for (const id of ['one', 'two']) await node.call('ADD', {}, { CNI_CONTAINERID: id });
    node.refuse('detach');
    const error = errorOf(await node.call('GC', { 'cni.dev/valid-attachments': [] }));
    expect(error.details).toMatch(/container one .*; container two/);
  });

  it('GC that was deferred does not touch attachments made after it', async () => {
    await node.call('ADD');
    await node.call('GC', { 'cni.dev/valid-attachments': [] }, {}, node.nowMs - 1);
    expect(node.records.size).toBe(1);
  });
});

describe('calls for one attachment', () => {
  it('run one after the other', async () => {
    const responses = await Promise.all([node.call('ADD'), node.call('DEL'), node.call('ADD'), node.call('ADD')]);
    expect(responses.map((response) => response.exitCode)).toEqual([0, 0, 0, 0]);
    expect([node.pairs.size, node.records.size, node.allocations.size]).toEqual([1, 1, 1]);
  });

  it('are refused with code 11 above the limit of pending calls', async () => {
    const responses = await Promise.all(Array.from({ length: 1030 }, () => node.call('ADD')));
    expect(responses.filter((response) => response.exitCode === 1).map((response) => errorOf(response).code)).toEqual(
      new Array(6).fill(11),
    );
  });
});

describe('a second interface of a pod', () => {
  const NET1 = { CNI_IFNAME: 'net1' };
  const foreignDefault = (ifname: string) => [
    { dst: parseCidr('0.0.0.0/0'), gateway: '192.0.2.1', ifname, metric: null, table: null },
    { dst: parseCidr('::/0'), gateway: 'fe80::1', ifname, metric: 1024, table: null },
  ];
  const routesOf = (ifname: string, isMain: boolean) =>
    [...node.pairs.values()]
      .filter(({ pod }) => pod.name === ifname)
      .flatMap(({ routes }) => routes)
      .filter(({ table }) => (table === null) === isMain);

  it('gets addresses of its own, and leaves default route and gateway of the first to that', async () => {
    const first = resultOf(await node.call('ADD'));
    const second = resultOf(await node.call('ADD', {}, NET1));
    expect(second.ips.map(({ address }) => address)).not.toEqual(first.ips.map(({ address }) => address));
    expect(second.routes.map(({ dst, priority }) => [dst, priority])).toEqual(
      ['10.1.0.1/32', 'fd00:1::1/128'].map((dst) => [dst, 10_000]),
    );
    expect(routesOf('net1', false).map(({ dst }) => dst)).toEqual([
      '10.1.0.1/32',
      '0.0.0.0/0',
      'fd00:1::1/128',
      '::/0',
    ]);
    expect(await node.call('CHECK', { prevResult: second }, NET1)).toEqual({ exitCode: 0, stdout: '' });
    const third = resultOf(await node.call('ADD', {}, { CNI_IFNAME: 'net2' }));
    expect(new Set(third.routes.map(({ priority }) => priority))).toEqual(new Set([10_001]));
  });

  it.each<[string, object, readonly string[], number | undefined]>([
    ['leaves it alone', {}, [], 10_000],
    ['has one too with a metric', { routeMetric: 50 }, ['0.0.0.0/0', '::/0'], 50],
    ['has one too when told so', { defaultRoute: true }, ['0.0.0.0/0', '::/0'], 10_000],
    ['has none when told so, also with a metric', { defaultRoute: false, routeMetric: 50 }, [], 50],
  ])('beside a default route of another plugin %s', async (_, config, defaults, metric) => {
    node.foreignRoutes.set('/run/netns/a', foreignDefault('net0'));
    const { routes } = resultOf(await node.call('ADD', config));
    expect(routes.map(({ dst }) => dst).filter((dst) => dst.endsWith('/0'))).toEqual(defaults);
    expect(routes.map(({ dst }) => dst)).toEqual(expect.arrayContaining(['10.0.0.0/8', 'fd00::/16']));
    expect(new Set(routes.map(({ priority }) => priority))).toEqual(new Set([metric]));
  });

  it('goes without a default route in a pod of its own too, when told so', async () => {
    const { routes } = resultOf(await node.call('ADD', { defaultRoute: false }));
    expect(routes.map(({ dst }) => dst)).toEqual(['10.1.0.1/32', '10.0.0.0/8', 'fd00:1::1/128', 'fd00::/16']);
    expect(routesOf('eth0', false)).toEqual([]);
    await node.service.reconcile();
    expect(routesOf('eth0', true)).toHaveLength(4);
  });

  it('gets its routes back, and keeps them apart when its record is lost', async () => {
    await node.call('ADD');
    await node.call('ADD', {}, NET1);
    const pair = [...node.pairs.values()].find(({ pod }) => pod.name === 'net1')!;
    const before = [...pair.routes];
    pair.routes = pair.routes.slice(0, 2);
    await node.service.reconcile();
    expect(new Set(pair.routes)).toEqual(new Set(before));
    node.records.clear();
    await node.restart();
    expect([...node.records.values()].map(({ ifname, routing }) => [ifname, routing.beside, routing.metric])).toEqual(
      expect.arrayContaining([
        ['eth0', false, null],
        ['net1', true, 10_000],
      ]),
    );
  });

  it('is removed alone, with its rules, by DEL and by GC', async () => {
    const first = resultOf(await node.call('ADD'));
    const left = () => [...node.records.values()].map(({ ifname }) => ifname);
    await node.call('ADD', {}, NET1);
    await node.call('DEL', {}, NET1);
    expect([left(), node.removedTables.length]).toEqual([['eth0'], 1]);
    expect(await node.call('CHECK', { prevResult: first })).toEqual({ exitCode: 0, stdout: '' });
    await node.call('ADD', {}, NET1);
    const valid = [{ containerID: 'pod-a', ifname: 'net1' }];
    expect((await node.call('GC', { 'cni.dev/valid-attachments': valid })).exitCode).toBe(0);
    expect(left()).toEqual(['net1']);
    expect([...node.allocations.values()].map(({ owner }) => owner.ifname)).toEqual(['net1']);
  });

  it('keeps the address of a repeated call, and frees it when the namespace cannot be looked into', async () => {
    node.refuse('routes');
    expect((await node.call('ADD')).exitCode).toBe(1);
    expect([...node.allocations.keys()]).toEqual([]);
  });
});
