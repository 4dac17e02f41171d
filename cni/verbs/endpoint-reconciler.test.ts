import { beforeEach, describe, expect, it } from '@jest/globals';
import { hostInterfaceOf } from '../attachment.js';
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

  it('keeps a pod whose inspection fails', async () => {
    await node.call('ADD');
    node.refuse('inspect');
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
    expect(node.steps.filter((step) => step === 'hostInterfaces')).toHaveLength(1);
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
