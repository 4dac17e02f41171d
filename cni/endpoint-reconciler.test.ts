import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeNode } from './fake-ports.js';

/** More than any call takes. */
const MAX_STEPS = 16;
let node: FakeNode;

function newNode(): FakeNode {
  const fresh = new FakeNode();
  fresh.namespaces.add('/run/netns/a');
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
