import { describe, expect, it } from '@jest/globals';
import { VirtualClock } from '../common/testing/virtual-clock.js';
import { NodeWatch } from './node-watch.js';
import { FakeApiServer } from './testing/fake-api-server.js';
import { nodeObject } from './testing/node-objects.js';

const NODE = nodeObject('w1', { podCIDRs: ['10.244.1.0/24'] }, ['192.0.2.1']);
const changed = (podCidr: string, resourceVersion: string) =>
  nodeObject('w1', { podCIDRs: [podCidr] }, ['192.0.2.1'], { resourceVersion });

async function watched(prepare: (api: FakeApiServer) => void = (api) => api.setNodes([NODE], '7')) {
  const api = new FakeApiServer();
  prepare(api);
  const clock = new VirtualClock();
  const seen: string[] = [];
  const problems: (string | null)[] = [];
  const watch = new NodeWatch({
    api,
    clock,
    nodeName: 'w1',
    random: () => 0.5,
    onNode: (node) => seen.push(node === null ? 'none' : node.podCidrs.join()),
    onProblem: (problem) => problems.push(problem),
  });
  watch.start();
  await clock.advanceSettled(0, 1);
  await clock.advanceSettled(1);
  return { api, clock, seen, problems, watch };
}

describe('the watch of a Node', () => {
  it('lists the node, and watches from the version of the list', async () => {
    const { api, seen, problems } = await watched();
    expect(seen).toEqual(['10.244.1.0/24']);
    expect(api.gets).toEqual(['/api/v1/nodes?fieldSelector=metadata.name%3Dw1&limit=500']);
    expect(api.lastWatch.path).toMatch(/&watch=1&allowWatchBookmarks=true&timeoutSeconds=450&resourceVersion=7$/);
    expect(problems).toEqual([null]);
  });

  it('follows changes and the deletion, and knows that there is no node', async () => {
    const { api, seen } = await watched((server) => server.setNodes([]));
    api.lastWatch.send({ type: 'ADDED', object: NODE });
    api.lastWatch.send({ type: 'MODIFIED', object: changed('10.244.2.0/24', '9') });
    api.lastWatch.send({ type: 'DELETED', object: NODE });
    expect(seen).toEqual(['none', '10.244.1.0/24', '10.244.2.0/24', 'none']);
  });

  it('goes on from the last version, bookmarks included, when the server ends the watch', async () => {
    const { api, clock } = await watched();
    await clock.advanceSettled(60_000);
    api.lastWatch.send({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '88' } } });
    api.lastWatch.end();
    await clock.advanceSettled(1);
    expect(api.watches).toHaveLength(2);
    expect(api.lastWatch.path).toContain('resourceVersion=88');
    expect(api.gets).toHaveLength(1);
  });

  it.each(['event', 'status'])('lists again when its version is forgotten (410 as %s)', async (how) => {
    const { api, clock, seen, problems } = await watched();
    api.setNodes([changed('10.244.3.0/24', '500')], '500');
    if (how === 'event') api.lastWatch.send({ type: 'ERROR', object: { code: 410, message: 'too old' } });
    else api.lastWatch.fail(410);
    await clock.advanceSettled(1_500, 100);
    expect(seen.at(-1)).toBe('10.244.3.0/24');
    expect(api.lastWatch.path).toContain('resourceVersion=500');
    expect(problems.every((problem) => problem === null)).toBe(true);
  });

  it('waits longer after each failure, at most a minute, and says what failed', async () => {
    const { api, clock, problems } = await watched((server) => server.objects.set('/api/v1/nodes', 503));
    expect(problems).toEqual(['/api/v1/nodes?fieldSelector=metadata.name%3Dw1&limit=500: status 503']);
    await clock.advanceSettled(10 * 60_000, 1_000);
    // Pauses of 0.75, 1.5, 3, ... 45 s.
    expect(api.gets.length).toBeGreaterThan(14);
    expect(api.gets.length).toBeLessThan(22);
    api.setNodes([NODE]);
    await clock.advanceSettled(60_000, 1_000);
    expect(problems.at(-1)).toBeNull();
  });

  it('gives up a connection on which nothing is heard for 150 s', async () => {
    const { api, clock, problems } = await watched();
    await clock.advanceSettled(140_000, 1_000);
    api.lastWatch.send({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '8' } } });
    await clock.advanceSettled(140_000, 1_000);
    expect(api.watches).toHaveLength(1);
    await clock.advanceSettled(15_000, 1_000);
    expect(api.watches[0]!.isAborted()).toBe(true);
    expect(api.watches).toHaveLength(2);
    expect(problems.at(-1)).toBeNull();
  });

  it('keeps the node before when the new one cannot be read, and goes on', async () => {
    const { api, seen, problems } = await watched();
    api.lastWatch.send({ type: 'MODIFIED', object: changed('10.244.1.9/24', '8') });
    expect(problems.at(-1)).toMatch(/Node w1: spec\.podCIDRs/);
    api.lastWatch.send({ type: 'MODIFIED', object: changed('10.244.4.0/24', '9') });
    expect(seen).toEqual(['10.244.1.0/24', '10.244.4.0/24']);
  });

  it.each([[7], [{ type: 'ADDED' }], [{ type: 'ERROR', object: null }], [{ type: 'ERROR', object: { code: 500 } }]])(
    'starts over after the event %j',
    async (event) => {
      const { api, clock, problems } = await watched();
      api.lastWatch.send(event);
      await clock.advanceSettled(2_000, 100);
      expect(problems.some((problem) => problem?.startsWith('https://api.test: '))).toBe(true);
      expect(api.watches).toHaveLength(2);
    },
  );

  it('stops at once, also in a pause', async () => {
    const { clock, watch } = await watched();
    await watch.stop();
    expect(clock.pending).toBe(0);
    const failing = await watched((server) => server.objects.set('/api/v1/nodes', 503));
    await failing.watch.stop();
    expect(failing.clock.pending).toBe(0);
  });
});
