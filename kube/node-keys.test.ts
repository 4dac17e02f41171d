import { describe, expect, it } from '@jest/globals';
import { NODE_KEY_ANNOTATION } from '../common/kubernetes-names.js';
import { silentLogger } from '../common/log.js';
import { nodeIdOf } from '../common/node-id.js';
import { NoticeLog } from '../common/notice-log.js';
import { CrashingDisk } from '../common/testing/crashing-disk.js';
import { VirtualClock } from '../common/testing/virtual-clock.js';
import type { KeyWatchHandlers } from './key-watch.js';
import { NodeKeys } from './node-keys.js';
import { nodeKeysRecord } from './node-keys-record.js';
import { encodedKey, parseNodeObject } from './node-object.js';
import { NodeReport } from './node-report.js';
import { FakeApiServer } from './testing/fake-api-server.js';
import { nodeObject } from './testing/node-objects.js';

const KEY = new Uint8Array(32).fill(1);
const OTHER_KEY = new Uint8Array(32).fill(2);
const W1 = nodeObject('w1', { podCIDRs: ['10.244.1.0/24'] }, ['192.0.2.1']);
const withKey = (node: typeof W1, key: Uint8Array, more = {}) => ({
  ...node,
  metadata: { ...node.metadata, annotations: { [NODE_KEY_ANNOTATION]: encodedKey(key) }, ...more },
});

class World {
  readonly api = new FakeApiServer();
  readonly clock = new VirtualClock();
  readonly notices = new NoticeLog(silentLogger(), this.clock);
  readonly record = nodeKeysRecord(new CrashingDisk(() => 0.5), '/state/node-keys.json');
  /** Of the watch of all nodes. */
  handlers: KeyWatchHandlers | null = null;
  readonly podCidrs: string[] = [];
  keys = new NodeKeys({
    ...this,
    remembered: [],
    watchNodes: (handlers) => {
      this.handlers = handlers;
      return { stop: () => Promise.resolve() };
    },
    onPodCidrs: (podCidrs) => this.podCidrs.push(...podCidrs),
  });

  setNode(node: { metadata: { name: string } }): void {
    this.api.objects.set(`/api/v1/nodes/${node.metadata.name}`, node);
  }

  ask(key = KEY, name = 'w1') {
    return this.keys.ask(nodeIdOf(key), name, key);
  }
}

describe('keys of nodes by their Node objects', () => {
  it('are those of the annotation, with the pod CIDRs of the Node', async () => {
    const world = new World();
    world.setNode(withKey(W1, KEY));
    expect(await world.ask()).toEqual(['10.244.1.0/24']);
    expect(world.api.gets).toEqual(['/api/v1/nodes/w1']);
    expect(world.podCidrs).toEqual(['10.244.1.0/24']);
  });

  it.each<[string, (world: World) => void]>([
    ['there is no such Node', () => undefined],
    ['the Node has published no key', (world) => world.setNode(W1)],
    [
      'the Node has published another key, as one that lost its state',
      (world) => world.setNode(withKey(W1, OTHER_KEY)),
    ],
  ])('are refused when %s', async (_, prepare) => {
    const world = new World();
    prepare(world);
    expect(await world.ask()).toBeNull();
  });

  it('follow a podCIDR that was given to a new node, and a Node that was made anew under the same name', async () => {
    const world = new World();
    world.setNode(withKey(W1, KEY));
    await world.ask();
    world.setNode(withKey(nodeObject('w1', { podCIDRs: ['10.244.7.0/24'] }, []), KEY, { uid: 'another' }));
    world.setNode(withKey(nodeObject('w2', { podCIDRs: ['10.244.1.0/24'] }, []), OTHER_KEY));
    expect(await world.ask()).toEqual(['10.244.7.0/24']);
    expect(await world.ask(OTHER_KEY, 'w2')).toEqual(['10.244.1.0/24']);
  });

  it.each([503, 403, null])('are not known while the API server answers %s', async (status) => {
    const world = new World();
    world.api.objects.set('/api/v1/nodes/w1', status ?? { kind: 'Node' });
    expect(await world.ask()).toBeUndefined();
  });

  it('are kept on disk as long as they are named', async () => {
    const world = new World();
    world.setNode(withKey(W1, KEY));
    await world.ask();
    await world.clock.advanceSettled(1);
    const named = [{ node: nodeIdOf(KEY), name: 'w1', podCidrs: ['10.244.1.0/24'] }];
    expect(await world.record.read()).toEqual({ kind: 'value', value: named });
    world.api.objects.delete('/api/v1/nodes/w1');
    await world.ask();
    await world.clock.advanceSettled(1);
    expect(await world.record.read()).toEqual({ kind: 'value', value: [] });
  });

  it('are asked for four at a time, and once for a node that is asked about already', async () => {
    const world = new World();
    const answers: (() => void)[] = [];
    world.api.get = (path) => {
      world.api.gets.push(path);
      return new Promise((resolve) => answers.push(() => resolve(withKey(W1, KEY))));
    };
    const asked = Array.from({ length: 6 }, (_, i) => world.ask(new Uint8Array(32).fill(i), `w${i}`));
    expect(await world.ask(new Uint8Array(32).fill(0), 'w0')).toBeUndefined();
    await world.clock.advanceSettled(1);
    expect(world.api.gets).toHaveLength(4);
    while (answers.length > 0 || world.api.gets.length < 6) {
      answers.shift()?.();
      await world.clock.advanceSettled(1);
    }
    await Promise.all(asked);
    expect(world.api.gets).toHaveLength(6);
  });
});

describe('a watch of the keys of all nodes', () => {
  const W2 = withKey(nodeObject('w2', {}, []), OTHER_KEY);
  const watched = async () => {
    const world = new World();
    world.setNode(withKey(W1, KEY));
    await world.ask();
    const seen: { readonly name: string; readonly change: string }[] = [];
    world.keys.watch((change) => seen.push(change));
    return { ...world.handlers!, seen, names: () => seen.splice(0).map(({ name }) => name) };
  };

  it.each<[string, readonly unknown[], readonly string[]]>([
    ['nothing while the list says what was known', [withKey(W1, KEY), W2], []],
    ['a node that went before', [W2], ['w1']],
    ['a node that got another key before', [withKey(W1, OTHER_KEY), W2], ['w1']],
  ])('tells of %s', async (_, list, expected) => {
    const { onList, names } = await watched();
    onList(list);
    expect(names()).toEqual(expected);
  });

  it('tells of nodes that go, get a key or another one, or are made anew, and not of other changes', async () => {
    const { onList, onPut, onDelete, names } = await watched();
    onList([withKey(W1, KEY)]);
    onPut(nodeObject('w2', {}, []));
    onPut(withKey(W1, KEY, { resourceVersion: '2', labels: { a: 'b' } }));
    onPut({ metadata: 'unreadable' });
    expect(names()).toEqual([]);
    onPut(W2);
    onPut(withKey(W1, OTHER_KEY));
    onPut(withKey(W1, OTHER_KEY, { uid: 'another' }));
    onDelete(W2);
    expect(names()).toEqual(['w2', 'w1', 'w1', 'w2']);
    onList([]);
    expect(names()).toEqual(['w1']);
  });

  it('gives one change one name on all nodes, whether it came as an event or in a list', async () => {
    const [a, b] = [await watched(), await watched()];
    for (const { onList } of [a, b]) onList([withKey(W1, KEY), W2]);
    a.onDelete(W2);
    a.onPut(withKey(W1, OTHER_KEY));
    b.onList([withKey(W1, OTHER_KEY)]);
    expect(new Set(b.seen.map(({ change }) => change))).toEqual(new Set(a.seen.map(({ change }) => change)));
    expect(a.seen[0]!.change).toMatch(/^[0-9a-f]{16}$/);
  });
});

describe("this node's key", () => {
  it('is published on its Node before the node is ready, and again when another one stands there', async () => {
    const { api, clock, notices } = new World();
    const report = new NodeReport({ api, clock, notices, random: () => 0, startupTaint: '' });
    api.setNodes([W1]);
    report.nodeIs(parseNodeObject(W1));
    report.publish(KEY);
    await clock.advanceSettled(1_000);
    expect(api.writes).toEqual([
      {
        call: 'PATCH /api/v1/nodes/w1',
        body: { metadata: { annotations: { [NODE_KEY_ANNOTATION]: encodedKey(KEY) } } },
      },
    ]);
    report.nodeIs(parseNodeObject(withKey(W1, KEY)));
    await clock.advanceSettled(1_000);
    expect(api.writes).toHaveLength(1);
    api.setNodes([withKey(W1, OTHER_KEY)]);
    report.nodeIs(parseNodeObject(withKey(W1, OTHER_KEY)));
    await clock.advanceSettled(1_000);
    expect(api.writes).toHaveLength(2);
  });
});
