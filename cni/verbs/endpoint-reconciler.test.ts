import { beforeEach, describe, expect, it } from '@jest/globals';
import { hostInterfaceOf } from '../attachment.js';
import { FakeNode } from '../testing/fake-node.js';

/** More than any call takes. */
const MAX_STEPS = 16;
/** The port of container `pod-a`, interface `eth0`, and how it is marked. */
const MARKED = hostInterfaceOf({ containerId: 'pod-a', ifname: 'eth0' });
const MARK = 'heddle/1|pod-a|eth0|heddle|/run/netns/a';
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
  it('reports every live pod with its addresses', async () => {
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

  it('keeps a pod that could not be looked at', async () => {
    await node.call('ADD');
    node.refuse('inspect');
    expect(await node.service.reconcile()).toHaveLength(1);
  });

  it('rebuilds a lost book from the interfaces that exist', async () => {
    await node.call('ADD');
    const before = [...node.records.values()][0]!;
    node.records.clear();
    await node.restart();
    expect([...node.records.values()]).toEqual([before]);
    expectConsistent();
  });

  it('looks at all ports once, however many pods there are', async () => {
    for (let i = 0; i < 5; i++) await node.call('ADD', {}, { CNI_CONTAINERID: `pod-${i}` });
    node.steps.length = 0;
    await node.service.reconcile();
    expect(node.steps.filter((step) => step === 'hostPorts')).toHaveLength(1);
  });

  it('keeps a pod that is attached anew while it looks', async () => {
    await node.call('ADD');
    const [again] = await Promise.all([node.call('ADD', {}, { CNI_NETNS: '/run/netns/a2' }), node.service.reconcile()]);
    expect(again.exitCode).toBe(0);
    expect([...node.records.values()]).toMatchObject([{ netns: '/run/netns/a2' }]);
    expectConsistent();
  });

  it.each([
    ['named like a pod port, wherever it is', 'hd-else', null, ''],
    ['named like a pod port, on the bridge of someone else', 'hd0123456789abc', 'docker0', ''],
    ['with our mark, on the bridge of someone else', MARKED, 'br-other', MARK],
    ['with the mark of another port', 'hd0123456789abc', 'heddle0', MARK],
    ['on our bridge', 'hd0123456789abc', 'heddle0', ''],
  ])('leaves an interface of others alone: %s', async (_, name, bridge, alias) => {
    node.addStranger(name, bridge, alias);
    expect(await node.service.reconcile()).toEqual([]);
    expect([...node.pairs.keys()]).toEqual([name]);
    expect(node.steps).not.toContain('detach');
  });

  it('says once that something on our bridge is not ours, and again when it came back', async () => {
    const reconcile = async (times: number) => {
      for (let i = 0; i < times; i++) await node.service.reconcile();
    };
    node.addStranger('hdstranger', 'heddle0');
    node.addStranger('hdelsewhere', 'docker0');
    await reconcile(3);
    expect(node.warnings).toHaveLength(1);
    node.pairs.delete('hdstranger');
    await reconcile(1);
    node.addStranger('hdstranger', 'heddle0');
    await reconcile(2);
    expect(node.warnings).toHaveLength(2);
  });

  it('leaves no half attachment after a crash at any step of ADD, and DEL then removes the rest', async () => {
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

  it('gives the same pod its network after a crash at any step of ADD, when the runtime tries again', async () => {
    for (let step = 1; step <= MAX_STEPS; step++) {
      node = newNode();
      node.crashAfter(step);
      await node.call('ADD');
      await node.restart();
      expect((await node.call('ADD')).exitCode).toBe(0);
      expectConsistent();
    }
  });

  it('leaves no half attachment after a crash at any step of DEL', async () => {
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
