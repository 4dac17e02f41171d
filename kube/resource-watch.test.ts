import { describe, expect, it } from '@jest/globals';
import { VirtualClock } from '../common/testing/virtual-clock.js';
import { ResourceWatch } from './resource-watch.js';
import { FakeApiServer } from './testing/fake-api-server.js';

const [NEW, OLD] = ['/apis/policy/v2/things', '/apis/policy/v1/things'];
const list = (...items: string[]) => ({ items, metadata: { resourceVersion: '5' } });

async function watched(objects: Record<string, unknown>) {
  const api = new FakeApiServer();
  for (const [path, object] of Object.entries(objects)) api.objects.set(path, object);
  const clock = new VirtualClock();
  const seen: string[] = [];
  const watch = new ResourceWatch({
    ...{ api, clock, path: NEW, otherPaths: [OLD], random: () => 0.5 },
    onList: (all) => seen.push(`list ${all.join()}`),
    onPut: () => undefined,
    onDelete: () => undefined,
    onProblem: (problem) => seen.push(`problem ${problem}`),
    onForbidden: (problem) => seen.push(`forbidden ${problem}`),
  });
  watch.start();
  await clock.advanceSettled(0, 1);
  await clock.advanceSettled(1);
  return { api, clock, seen, watch };
}

describe('the watch of a kind that the server need not have', () => {
  it('is of the version that the server has', async () => {
    const { api, seen } = await watched({ [OLD]: list('a', 'b') });
    expect(seen).toEqual(['list a,b', 'problem null']);
    expect(api.lastWatch.path).toContain(OLD);
  });

  it('says that there are none where the kind is absent, and finds it within 10 minutes when it comes', async () => {
    const { api, clock, seen, watch } = await watched({});
    expect(seen).toEqual(['problem null', 'list ']);
    await clock.advanceSettled(299_000);
    expect(api.gets).toHaveLength(2);
    api.objects.set(NEW, list('a'));
    await clock.advanceSettled(301_000);
    await clock.advanceSettled(1_000);
    expect(seen.slice(2)).toEqual(['list a', 'problem null']);
    // The kind is removed while it is watched.
    api.objects.delete(NEW);
    api.lastWatch.fail(404);
    await clock.advanceSettled(1);
    expect(seen.slice(4)).toEqual(['problem null', 'list ']);
    await watch.stop();
  });

  it('asks discovery which version there is where it may not list, since a server refuses before it looks', async () => {
    const resources = (...names: string[]) => ({ resources: names.map((name) => ({ name })) });
    const absent = { [NEW]: 403, [OLD]: 403 };
    expect((await watched(absent)).seen).toEqual(['problem null', 'list ']);
    const otherKind = { ...absent, '/apis/policy/v2': resources('others'), '/apis/policy/v1': resources('others') };
    expect((await watched(otherKind)).seen).toEqual(['problem null', 'list ']);
    const oldOne = await watched({ ...absent, '/apis/policy/v1': resources('others', 'things') });
    expect(oldOne.seen).toEqual([expect.stringContaining('forbidden /apis/policy/v1/things')]);
    // The right is given: seen within a minute.
    oldOne.api.objects.set(OLD, list('a'));
    await oldOne.clock.advanceSettled(60_000);
    expect(oldOne.seen.at(-2)).toBe('list a');
    // It is taken again: the last list stays.
    oldOne.api.objects.set(OLD, 403);
    oldOne.api.lastWatch.fail(403);
    await oldOne.clock.advanceSettled(1);
    expect(oldOne.seen.at(-1)).toContain('forbidden');
  });

  it('takes what discovery may not tell as there, and asks again when it fails', async () => {
    const hidden = await watched({ [NEW]: 403, '/apis/policy/v2': 403 });
    expect(hidden.seen).toEqual([expect.stringContaining('forbidden')]);
    const failing = await watched({ [NEW]: 403, '/apis/policy/v2': 500 });
    expect(failing.seen).toEqual([expect.stringContaining('problem /apis/policy/v2')]);
  });

  it('reports every other refusal, and says nothing of the objects', async () => {
    const { seen } = await watched({ [NEW]: 500 });
    expect(seen).toEqual([expect.stringContaining('problem /apis/policy/v2/things')]);
  });
});
