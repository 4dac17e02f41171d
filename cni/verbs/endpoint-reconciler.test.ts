import { beforeEach, describe, expect, it } from '@jest/globals';
import { parseCidr } from '../../common/address/cidr.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import { hostInterfaceOf } from '../attachment.js';
import type { PodInterface } from '../deps.js';
import { FakeNode } from '../testing/fake-node.js';

/** More than any call takes. */
const MAX_STEPS = 16;
/** The host interface of container `pod-a`, interface `eth0`, and its alias. */
const NAME = hostInterfaceOf({ containerId: 'pod-a', ifname: 'eth0' });
const ALIAS = 'heddle/1|pod-a|eth0|heddle|/run/netns/a';
let node: FakeNode;

function newNode(): FakeNode {
  const fresh = new FakeNode();
  for (const netns of ['/run/netns/a', '/run/netns/a2']) fresh.namespaces.add(netns);
  return fresh;
}
beforeEach(() => {
  node = newNode();
});

function onlyPair(fake: FakeNode) {
  const [pair] = [...fake.pairs.values()];
  return pair!;
}

/** Changes the pod's end of the only pair, as from inside the pod. */
function change(fake: FakeNode, changed: Partial<PodInterface>) {
  const pair = onlyPair(fake);
  pair.pod = { ...pair.pod, ...changed };
  return pair;
}

/** Pair, address and record exist together or not at all. */
function expectConsistent(): void {
  const keys = [...node.records.keys()];
  expect([...node.pairs.keys()]).toEqual(keys);
  expect([...node.allocations.keys()]).toEqual(keys);
  expect(node.announced.at(-1) ?? []).toEqual([...node.records.values()]);
}

describe('reconciling endpoints', () => {
  it('resolves to every live pod with its addresses', async () => {
    await node.call('ADD');
    expect(await node.service.reconcile()).toEqual([
      { owner: { containerId: 'pod-a', ifname: 'eth0' }, ips: ['10.1.0.2', 'fd00:1::2'] },
    ]);
  });

  it('removes a pod whose namespace is gone', async () => {
    await node.call('ADD');
    node.destroyNamespace('/run/netns/a');
    expect(await node.service.reconcile()).toEqual([]);
    expectConsistent();
  });

  it('puts a pod back on the bridge', async () => {
    await node.call('ADD');
    const pair = [...node.pairs.values()][0]!;
    pair.bridge = null;
    await node.service.reconcile();
    expect(pair.bridge).toBe('heddle0');
  });

  it('compares only the pods that an event concerns', async () => {
    await node.call('ADD', {}, { CNI_CONTAINERID: 'pod-b', CNI_NETNS: '/run/netns/a2' });
    await node.call('ADD');
    for (const pair of node.pairs.values()) pair.bridge = null;
    await node.service.compare(({ name }) => name === NAME);
    expect([...node.pairs.values()].map(({ bridge }) => bridge)).toEqual([null, 'heddle0']);
  });

  it.each(['ips', 'gateways', 'routes', 'rules'] as const)(
    'adds what a pod beside others has lost inside: %s',
    async (part) => {
      node.foreignRoutes.set('/run/netns/a', [
        { dst: parseCidr('0.0.0.0/0'), gateway: '192.0.2.1', ifname: 'net0', metric: null, table: null },
      ]);
      await node.call('ADD');
      const pair = onlyPair(node);
      const inside = () => ({ ips: pair.pod.ips, gateways: pair.gateways, routes: pair.routes, rules: pair.rules });
      const before = structuredClone(inside());
      expect(before[part]).not.toEqual([]);
      if (part === 'ips') change(node, { ips: [] });
      else pair[part] = [];
      await node.service.reconcile();
      expect(inside()).toEqual(before);
      expect(node.warnings).toHaveLength(1);
      await node.service.reconcile();
      expect(inside()).toEqual(before);
      expect(node.warnings).toHaveLength(1);
    },
  );

  it('leaves an address to another interface of the pod that took it over, and wants nothing that depends on it', async () => {
    await node.call('ADD');
    await node.call('ADD', {}, { CNI_IFNAME: 'net1' });
    const [first, second] = [...node.pairs.values()];
    second!.pod = { ...second!.pod, ips: [...second!.pod.ips, ...first!.pod.ips] };
    Object.assign(first!, { routes: [], gateways: [], pod: { ...first!.pod, ips: [] } });
    await node.service.reconcile();
    expect(first!).toMatchObject({ routes: [], gateways: [], pod: { ips: [] } });
  });

  it('adds nothing of a family that the pod switched off', async () => {
    await node.call('ADD');
    node.refusedAddresses.add(parseIpAddress('fd00:1::2'));
    const pair = change(node, { ips: [] });
    Object.assign(pair, { routes: [], gateways: [] });
    await node.service.reconcile();
    expect(pair.pod.ips).toEqual(['10.1.0.2']);
    expect(pair.gateways).toEqual(['10.1.0.1']);
    expect(pair.routes.map(({ dst }) => dst)).toEqual(['10.1.0.1/32', '0.0.0.0/0']);
  });

  it('adds routes that a pod has lost, and leaves alone a default route that a tunnel of the pod took over', async () => {
    await node.call('ADD');
    const pair = onlyPair(node);
    const before = [...pair.routes];
    pair.routes.length = 0;
    await node.service.reconcile();
    expect(pair.routes.map(({ dst }) => dst)).toEqual(before.map(({ dst }) => dst));
    pair.routes = before.map((route) => ({ ...route, gateway: '192.0.2.1' }));
    await node.service.reconcile();
    expect(new Set(pair.routes.map(({ gateway }) => gateway))).toEqual(new Set(['192.0.2.1']));
  });

  it.each([
    ['the path of its namespace does not exist', (fake: FakeNode) => fake.namespaces.delete('/run/netns/a')],
    ['the path of its namespace leads elsewhere', (fake: FakeNode) => (onlyPair(fake).netns = '/run/netns/b')],
    ['its interface was renamed', (fake: FakeNode) => change(fake, { name: 'net0' })],
    ['its addresses were removed', (fake: FakeNode) => change(fake, { ips: [] })],
  ])('keeps a pod with record, address and interface when %s', async (_, happen) => {
    await node.call('ADD');
    happen(node);
    expect(await node.service.reconcile()).toHaveLength(1);
    expectConsistent();
    expect(node.steps).not.toContain('detach');
  });

  it('rebuilds a lost record from the host when the namespace cannot be entered', async () => {
    await node.call('ADD');
    const [before] = [...node.records.values()];
    node.records.clear();
    node.namespaces.clear();
    await node.restart();
    expect([...node.records.values()]).toEqual([before]);
  });

  it('follows the MAC that a chained plugin gave the pod, at once with the event and otherwise in the next run', async () => {
    await node.call('ADD');
    const { pod } = change(node, { mac: '02:00:00:00:00:07' });
    await node.service.stationChanged({ netnsId: 0, index: pod.index, mac: pod.mac });
    expect(new Set(node.guard.map(({ mac }) => mac))).toEqual(new Set(['02:00:00:00:00:07']));
    change(node, { mac: '02:00:00:00:00:08' });
    await node.service.reconcile();
    expect(onlyPair(node).side).toMatchObject({ mac: '02:00:00:00:00:08' });
    expect([...node.records.values()]).toMatchObject([{ mac: '02:00:00:00:00:08' }]);
  });

  it('lists no routes and neighbours for events of its own calls, and of containers that are not its pods', async () => {
    const added = node.call('ADD');
    const own = node.service.stationChanged({ netnsId: 0, index: 2, mac: '0a:58:0a:01:00:02' });
    await Promise.all([added, own]);
    await node.service.stationChanged({ netnsId: 9, index: 2, mac: '02:42:0a:01:00:02' });
    expect(node.steps).not.toContain('observe');
  });

  it('lets no pod take the MAC of the gateway, the next hop or another pod', async () => {
    await node.call('ADD', {}, { CNI_CONTAINERID: 'pod-b', CNI_NETNS: '/run/netns/a2' });
    const taken = ['0a:5a:00:00:00:01', '0a:5a:00:00:00:02', [...node.records.values()][0]!.mac];
    await node.call('ADD');
    const pair = node.pairs.get(NAME)!;
    for (const mac of taken) {
      pair.pod = { ...pair.pod, mac };
      await node.service.reconcile();
      expect(node.records.get(NAME)!.mac).toBe('0a:58:0a:01:00:03');
    }
  });

  it('gives a pod of an earlier version the routes of this one before its port is isolated', async () => {
    await node.call('ADD');
    const pair = onlyPair(node);
    Object.assign(pair, { group: 'default', side: null, routes: [{ dst: '10.0.0.0/8', gateway: null }] });
    await node.service.reconcile();
    expect(node.steps.filter((step) => /routeByGateway|repair/.test(step))).toEqual(['routeByGateway', 'repair']);
    expect(pair.routes.map(({ dst }) => dst)).toEqual(['10.1.0.1/32', '0.0.0.0/0', 'fd00:1::1/128', '::/0']);
  });

  it('leaves a pod of an earlier version as it is when its namespace cannot be entered, and says so', async () => {
    await node.call('ADD');
    Object.assign(onlyPair(node), { group: 'default', side: null });
    node.namespaces.clear();
    await node.service.reconcile();
    expect(node.steps).not.toContain('repair');
    expect(node.warnings.at(-1)).toContain('restart the pod');
  });

  it('removes elements of the source guard whose interface is gone', async () => {
    await node.call('ADD');
    node.guard.push({ hostInterface: 'hdgone', mac: '02:00:00:00:00:01', ip: '10.1.0.9' });
    await node.service.reconcile();
    expect(new Set(node.guard.map(({ hostInterface }) => hostInterface))).toEqual(new Set([NAME]));
  });

  it('keeps a pod whose inspection fails', async () => {
    await node.call('ADD');
    node.refuse('interfacesIn');
    expect(await node.service.reconcile()).toHaveLength(1);
  });

  it('rebuilds a lost endpoint list from the interfaces that exist', async () => {
    await node.call('ADD');
    const before = [...node.records.values()][0]!;
    node.records.clear();
    await node.restart();
    expect([...node.records.values()]).toEqual([before]);
    expectConsistent();
  });

  it('lists the interfaces of the host once, for any number of pods', async () => {
    for (let i = 0; i < 5; i++) await node.call('ADD', {}, { CNI_CONTAINERID: `pod-${i}` });
    node.steps.length = 0;
    await node.service.reconcile();
    expect(node.steps.filter((step) => step === 'observe')).toHaveLength(1);
  });

  it('keeps a pod that is attached again during the run', async () => {
    await node.call('ADD');
    const [again] = await Promise.all([node.call('ADD', {}, { CNI_NETNS: '/run/netns/a2' }), node.service.reconcile()]);
    expect(again.exitCode).toBe(0);
    expect([...node.records.values()]).toMatchObject([{ netns: '/run/netns/a2' }]);
    expectConsistent();
  });

  it.each([
    ['named like a host interface, on no bridge', 'hd-else', null, ''],
    ['named like a host interface, on another bridge', 'hd0123456789abc', 'docker0', ''],
    ['with a valid alias, on another bridge', NAME, 'br-other', ALIAS],
    ['with the alias of another attachment', 'hd0123456789abc', 'heddle0', ALIAS],
    ['without alias, on our bridge', 'hd0123456789abc', 'heddle0', ''],
  ])('leaves a foreign interface alone: %s', async (_, name, bridge, alias) => {
    node.addForeign(name, bridge, alias);
    expect(await node.service.reconcile()).toEqual([]);
    expect([...node.pairs.keys()]).toEqual([name]);
    expect(node.steps).not.toContain('detach');
  });

  it('warns once about a foreign interface on our bridge, and again when it comes back', async () => {
    const reconcile = async (times: number) => {
      for (let i = 0; i < times; i++) await node.service.reconcile();
    };
    node.addForeign('hdforeign', 'heddle0');
    node.addForeign('hdelsewhere', 'docker0');
    await reconcile(3);
    expect(node.warnings).toHaveLength(1);
    node.pairs.delete('hdforeign');
    await reconcile(1);
    node.addForeign('hdforeign', 'heddle0');
    await reconcile(2);
    expect(node.warnings).toHaveLength(2);
  });

  it('is consistent after a crash at any step of ADD, and DEL then removes everything', async () => {
    for (let step = 1; step <= MAX_STEPS; step++) {
      node = newNode();
      node.crashAfter(step);
      const { exitCode } = await node.call('ADD');
      expect(exitCode).toBe(node.crashed ? 1 : 0);
      await node.restart();
      expectConsistent();
      await node.call('DEL');
      expect([node.pairs.size, node.allocations.size, node.records.size]).toEqual([0, 0, 0]);
    }
  });

  it('lets a repeated ADD succeed after a crash at any step of ADD', async () => {
    for (let step = 1; step <= MAX_STEPS; step++) {
      node = newNode();
      node.crashAfter(step);
      await node.call('ADD');
      await node.restart();
      expect((await node.call('ADD')).exitCode).toBe(0);
      expectConsistent();
    }
  });

  it('is consistent after a crash at any step of DEL', async () => {
    for (let step = 1; step <= MAX_STEPS; step++) {
      node = newNode();
      await node.call('ADD');
      node.crashAfter(step);
      await node.call('DEL');
      await node.restart();
      expectConsistent();
    }
  });
});

describe('the MTU of a running pod', () => {
  const mtus = () => [onlyPair(node).pod.mtuBytes, onlyPair(node).mtuBytes];
  beforeEach(async () => {
    await node.call('ADD');
    onlyPair(node).pod = { ...onlyPair(node).pod, mtuBytes: 1400 };
  });

  it.each([1300, 8000])('follows that of the node: %d', async (podMtuBytes) => {
    node.podMtuBytes = podMtuBytes;
    await node.service.reconcile();
    expect(mtus()).toEqual([podMtuBytes, podMtuBytes]);
  });

  it('is left when a chained plugin made it smaller, and lowered when it is too large', async () => {
    change(node, { mtuBytes: 1280 });
    node.podMtuBytes = 1390;
    await node.service.reconcile();
    expect(mtus()).toEqual([1280, 1390]);
    node.podMtuBytes = 1270;
    await node.service.reconcile();
    expect(mtus()).toEqual([1270, 1270]);
  });

  it('is set in a later run when the agent ends in between', async () => {
    node.podMtuBytes = 1300;
    node.refuse('setHostMtu');
    await node.service.reconcile();
    expect(mtus()).toEqual([1300, 1400]);
    node.refuse('');
    await node.service.reconcile();
    expect(mtus()).toEqual([1300, 1300]);
  });
});
