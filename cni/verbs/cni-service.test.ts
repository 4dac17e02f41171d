import { beforeEach, describe, expect, it } from '@jest/globals';
import { CNI_VERSIONS } from '../../common/cni-versions.js';
import type { CniResponse } from '../relay/relay-protocol.js';
import { FakeNode } from '../testing/fake-node.js';

interface Result {
  cniVersion: string;
  interfaces: { name: string; mac: string; sandbox?: string; mtu?: number }[];
  ips: { version?: string; address: string; gateway: string; interface: number }[];
  routes: { dst: string; gw?: string; mtu?: number; scope?: number }[];
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

/** Nothing of any pod is left anywhere. */
function expectEmpty(): void {
  expect([...node.pairs.keys(), ...node.allocations.keys(), ...node.records.keys()]).toEqual([]);
}

describe('ADD', () => {
  it('attaches a pod and says how', async () => {
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
        { dst: '10.0.0.0/8', mtu: 1400, scope: 253 },
        { dst: '0.0.0.0/0', gw: '10.1.0.1', mtu: 1400 },
        { dst: 'fd00::/16', mtu: 1400, scope: 253 },
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
  ])('answers in the shape of %s', async (cniVersion, hasIpVersion) => {
    const result = resultOf(await node.call('ADD', { cniVersion }));
    expect(result.cniVersion).toBe(cniVersion);
    expect(result.ips.map((ip) => ip.version)).toEqual(hasIpVersion ? ['4', '6'] : [undefined, undefined]);
    expect(JSON.stringify(result)).not.toContain('"mtu"');
  });

  it('has told the router before it answers, and recorded it before that', async () => {
    await node.call('ADD', {}, { CNI_ARGS: 'K8S_POD_NAMESPACE=shop;K8S_POD_NAME=cart' });
    expect(node.steps).toEqual(['allocate', 'pair', 'bridge port', 'addresses', 'put', 'announce']);
    expect(node.announced.at(-1)).toMatchObject([
      { podNamespace: 'shop', podName: 'cart', ips: ['10.1.0.2', 'fd00:1::2'] },
    ]);
  });

  it('answers the same again for an attachment that is as it should be', async () => {
    const first = await node.call('ADD');
    node.steps.length = 0;
    expect(await node.call('ADD')).toEqual(first);
    expect(node.steps).toEqual(['allocate', 'inspect', 'hostInterfaces', 'routes']);
  });

  it('attaches again, with the same addresses, when the namespace is another one', async () => {
    const first = resultOf(await node.call('ADD'));
    const second = resultOf(await node.call('ADD', {}, { CNI_NETNS: '/run/netns/b' }));
    expect(second.ips).toEqual(first.ips);
    expect([...node.pairs.values()].map((pair) => pair.netns)).toEqual(['/run/netns/b']);
  });

  it('attaches again when someone took the interface away', async () => {
    await node.call('ADD');
    node.pairs.clear();
    expect((await node.call('ADD')).exitCode).toBe(0);
    expect(node.pairs.size).toBe(1);
  });

  it('carries the result of plugins before it through', async () => {
    const prevResult = {
      interfaces: [{ name: 'dummy0', mac: '02:00:00:00:00:01' }],
      ips: [{ address: '192.0.2.1/24', interface: 0 }],
      routes: [{ dst: '192.0.2.0/24' }],
    };
    const result = resultOf(await node.call('ADD', { prevResult, dns: { nameservers: ['10.96.0.10'] } }));
    expect(result.interfaces.map((entry) => entry.name)).toEqual(['dummy0', [...node.pairs.keys()][0], 'eth0']);
    expect(result.ips.map((ip) => ip.interface)).toEqual([0, 2, 2]);
    expect(result.routes).toHaveLength(5);
    expect(result.dns).toEqual({ nameservers: ['10.96.0.10'] });
  });

  it('gives the pod a MAC that the runtime asks for', async () => {
    const result = resultOf(await node.call('ADD', { runtimeConfig: { mac: '02:00:00:00:00:07' } }));
    expect(result.interfaces[1]?.mac).toBe('02:00:00:00:00:07');
  });

  it('says "try again later" with the reason while the node is not ready', async () => {
    node.unready = { code: 50, message: 'the router is not connected' };
    const response = await node.call('ADD');
    expect(response.exitCode).toBe(1);
    expect(errorOf(response)).toMatchObject({ code: 11, details: 'the router is not connected' });
    expectEmpty();
  });

  it.each([
    ['pair', 5],
    ['addresses', 5],
    ['put', 5],
    ['announce', 5],
  ])('leaves nothing behind when the step "%s" fails', async (step, code) => {
    node.refuse(step);
    expect(errorOf(await node.call('ADD'))).toMatchObject({ code });
    node.refuse('');
    expectEmpty();
  });

  it('shows no stack trace', async () => {
    const response = await node.call('ADD', {}, { CNI_NETNS: '/run/netns/none' });
    expect(response.exitCode).toBe(1);
    expect(response.stdout).not.toMatch(/\.ts|at Object|\\n/);
  });
});

describe('DEL', () => {
  it('removes everything, and again without complaint', async () => {
    await node.call('ADD');
    for (let i = 0; i < 2; i++) expect(await node.call('DEL')).toEqual({ exitCode: 0, stdout: '' });
    expectEmpty();
    expect(node.announced.at(-1)).toEqual([]);
  });

  it('works without a namespace, after it vanished, and for the unknown', async () => {
    await node.call('ADD');
    node.destroyNamespace('/run/netns/a');
    expect((await node.call('DEL', {}, { CNI_NETNS: '' })).exitCode).toBe(0);
    expect((await node.call('DEL', {}, { CNI_CONTAINERID: 'never-seen' })).exitCode).toBe(0);
    expectEmpty();
  });

  it.each(['release', 'remove', 'announce'])(
    'succeeds when the step "%s" fails; reconciling does the rest',
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

  it('that is replayed does not touch an attachment made after it', async () => {
    await node.call('ADD');
    expect((await node.call('DEL', {}, {}, node.nowMs - 1)).exitCode).toBe(0);
    expect(node.records.size).toBe(1);
    await node.call('DEL', {}, {}, node.nowMs + 1);
    expectEmpty();
  });
});

describe('CHECK', () => {
  it('finds nothing wrong with what ADD made', async () => {
    const prevResult = resultOf(await node.call('ADD'));
    expect(await node.call('CHECK', { prevResult })).toEqual({ exitCode: 0, stdout: '' });
  });

  it.each<[string, (pair: FakeNode['pairs'] extends Map<string, infer P> ? P : never) => void, string]>([
    ['an address', (pair) => (pair.pod = { ...pair.pod, ips: [] }), 'address 10.1.0.2 is missing on eth0'],
    ['the MAC', (pair) => (pair.pod = { ...pair.pod, mac: '02:00:00:00:00:01' }), 'has MAC 02:00:00:00:00:01'],
    ['the link', (pair) => (pair.pod = { ...pair.pod, up: false }), 'interface eth0 is down'],
    ['the bridge', (pair) => (pair.bridge = null), 'is on no bridge, expected heddle0'],
    ['a route', (pair) => pair.routes.shift(), 'route to 10.0.0.0/8 is missing'],
  ])('finds out when %s was changed', async (_, change, details) => {
    const prevResult = resultOf(await node.call('ADD'));
    change([...node.pairs.values()][0]!);
    const error = errorOf(await node.call('CHECK', { prevResult }));
    expect(error.code).toBe(103);
    expect(error.details).toContain(details);
  });

  it('finds out when the address is not reserved any more', async () => {
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

  it('needs the previous result, and a known container', async () => {
    expect(errorOf(await node.call('CHECK')).code).toBe(7);
    expect(errorOf(await node.call('CHECK', { prevResult: {} })).code).toBe(3);
  });
});

describe('STATUS, VERSION and GC', () => {
  it('STATUS says nothing when ready, and why not otherwise', async () => {
    expect(await node.call('STATUS')).toEqual({ exitCode: 0, stdout: '' });
    node.unready = { code: 51, message: 'no link is up' };
    expect(errorOf(await node.call('STATUS'))).toMatchObject({ code: 51, details: 'no link is up' });
  });

  it('VERSION names all versions, in the version that was asked for', async () => {
    expect(JSON.parse((await node.call('VERSION', { cniVersion: '0.4.0' })).stdout)).toEqual({
      cniVersion: '0.4.0',
      supportedVersions: CNI_VERSIONS,
    });
  });

  it('GC removes what the runtime does not name, of its own network only', async () => {
    for (const id of ['kept', 'stale']) await node.call('ADD', {}, { CNI_CONTAINERID: id });
    await node.call('ADD', { name: 'other' }, { CNI_CONTAINERID: 'foreign', CNI_NETNS: '/run/netns/b' });
    const list = { 'cni.dev/valid-attachments': [{ containerID: 'kept', ifname: 'eth0' }] };
    expect((await node.call('GC', list)).exitCode).toBe(0);
    expect([...node.records.values()].map((record) => record.containerId)).toEqual(['kept', 'foreign']);
  });

  it('GC removes addresses and interfaces that nobody recorded', async () => {
    await node.call('ADD');
    node.records.clear();
    await node.call('GC', { 'cni.dev/valid-attachments': [] });
    expectEmpty();
  });

  it('GC goes on after a failure, and reports it', async () => {
    for (const id of ['one', 'two']) await node.call('ADD', {}, { CNI_CONTAINERID: id });
    node.refuse('detach');
    const error = errorOf(await node.call('GC', { 'cni.dev/valid-attachments': [] }));
    expect(error.details).toMatch(/container one .*; container two/);
  });

  it('GC that is replayed does not touch attachments made after it', async () => {
    await node.call('ADD');
    await node.call('GC', { 'cni.dev/valid-attachments': [] }, {}, node.nowMs - 1);
    expect(node.records.size).toBe(1);
  });
});

describe('calls for one attachment', () => {
  it('wait for each other', async () => {
    const responses = await Promise.all([node.call('ADD'), node.call('DEL'), node.call('ADD'), node.call('ADD')]);
    expect(responses.map((response) => response.exitCode)).toEqual([0, 0, 0, 0]);
    expect([node.pairs.size, node.records.size, node.allocations.size]).toEqual([1, 1, 1]);
  });

  it('are refused with code 11 when far too many wait', async () => {
    const responses = await Promise.all(Array.from({ length: 1030 }, () => node.call('ADD')));
    expect(responses.filter((response) => response.exitCode === 1).map((response) => errorOf(response).code)).toEqual(
      new Array(6).fill(11),
    );
  });
});
