/**
 * Behaviour of the Kubernetes API server on which the adapter relies. `npm test` asks the stand-in; `npm run test:kube` a real
 * server when it is given one (`testing/open-tested-server.ts`): of a scratch cluster, since Nodes are made. They stay in it.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parseYaml } from '../common/codec/yaml.js';
import { KubernetesError } from '../common/errors.js';
import { NODE_KEY_ANNOTATION } from '../common/kubernetes-names.js';
import { silentLogger } from '../common/log.js';
import { NoticeLog } from '../common/notice-log.js';
import { VirtualClock } from '../common/testing/virtual-clock.js';
import { NODES_PATH, nodeListPath, nodePath, PATCH, queried } from './api-server.js';
import type { ApiServer, Form } from './api-server.js';
import { NodeEvents } from './node-events.js';
import { encodedKey, parseNodeObject } from './node-object.js';
import { NodeReport } from './node-report.js';
import { openTestedServer } from './testing/open-tested-server.js';
import type { TestedServer } from './testing/tested-server.js';

interface ApiObject {
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: { readonly taints?: readonly { readonly key: string }[] };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}
interface List {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly ApiObject[];
}
interface WatchEvent {
  readonly type: string;
  readonly object: ApiObject & { readonly code?: number };
}

interface NodeEvent {
  readonly reason: string;
  readonly involvedObject: { readonly uid?: string };
}

const EVENTS_PATH = '/api/v1/namespaces/default/events';
const ABSENT_GROUP = '/apis/absent.heddle.io/v1/things';
const TAINT = 'heddle.io/not-ready';
const OTHER_TAINT = 'heddle.io/kept';
/** A real server sends the bookmark two seconds before the end, give or take a second. */
const WATCH_SECONDS = 5;
const POLL_MS = 50;
const PATIENCE_MS = 20_000;
const taints = [
  { key: OTHER_TAINT, effect: 'NoSchedule' },
  { key: TAINT, effect: 'NoSchedule' },
];
const IS_REAL = process.env['REAL_API_SERVER'] !== undefined;

let server: TestedServer;
let api: ApiServer;
/** Other names in each run, since a real server keeps them. */
const run = randomBytes(4).toString('hex');
let made = 0;

beforeAll(async () => {
  server = await openTestedServer(process.env);
  ({ api } = server);
  if (!IS_REAL) return;
  process.stderr.write(`test:kube asks ${server.what}\n`);
  if (!server.isReal)
    process.stderr.write('test:kube: neither KUBEBUILDER_ASSETS nor KUBECONFIG is set: no real server\n');
  if (server.unknown === null)
    process.stderr.write('test:kube: an unknown token is not tried, the proxy replaces it\n');
});
afterAll(() => server.close());

async function makeNode(fields: { spec?: object; status?: object } = {}): Promise<ApiObject> {
  const name = `heddle-${run}-${made++}`;
  await api.create(NODES_PATH, { apiVersion: 'v1', kind: 'Node', metadata: { name }, ...fields });
  return (await api.get(nodePath(name))) as ApiObject;
}

function annotate(
  { metadata: { name } }: ApiObject,
  annotations: Readonly<Record<string, string | null>>,
): Promise<unknown> {
  return api.patch(nodePath(name), PATCH.merge, { metadata: { annotations } });
}

async function listOf(path: string, form: Form = 'whole'): Promise<List> {
  return (await api.get(path, form)) as List;
}

/** Events of one watch, until the server ends it or `isLast`. */
async function watched(
  path: string,
  query: string,
  isLast: (event: WatchEvent) => boolean,
  form: Form = 'whole',
): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  const aborts = new AbortController();
  const take = (event: unknown): void => {
    events.push(event as WatchEvent);
    if (isLast(event as WatchEvent)) aborts.abort();
  };
  const watch = queried(path, `watch=1&allowWatchBookmarks=true&${query}`);
  await api.watch(watch, take, aborts.signal, form).catch((thrown: unknown) => {
    if (!aborts.signal.aborted) throw thrown;
  });
  return events;
}

async function statusOf(promise: Promise<unknown>): Promise<number | null> {
  try {
    await promise;
    return 200;
  } catch (thrown) {
    if (thrown instanceof KubernetesError) return thrown.status;
    throw thrown;
  }
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    expect(performance.now()).toBeLessThan(deadlineMs);
    await delay(POLL_MS);
  }
}

describe('the API server, asked for lists,', () => {
  it('gives one Node by its name, without its kind, and an empty list with a version for a name that is not there', async () => {
    const node = await makeNode();
    const { items } = await listOf(nodeListPath(node.metadata.name));
    expect(items.map(({ kind, metadata }) => [kind, metadata.name, metadata.uid])).toEqual([
      [undefined, node.metadata.name, node.metadata.uid],
    ]);
    const none = await listOf(nodeListPath(`${node.metadata.name}-absent`));
    expect(none.items).toEqual([]);
    expect(none.metadata.resourceVersion).toMatch(/^[1-9]\d*$/);
  });

  it('gives pages of one version, also when objects are made meanwhile', async () => {
    for (let i = 0; i < 3; i++) await makeNode();
    const whole = await listOf(NODES_PATH);
    const pages = [await listOf(queried(NODES_PATH, 'limit=2'))];
    const later = await makeNode();
    for (let next = pages[0]!.metadata.continue; next !== undefined; next = pages.at(-1)!.metadata.continue) {
      pages.push(await listOf(queried(NODES_PATH, `limit=2&continue=${encodeURIComponent(next)}`)));
    }
    const names = pages.flatMap(({ items }) => items.map(({ metadata }) => metadata.name));
    expect(new Set(pages.map(({ metadata }) => metadata.resourceVersion)).size).toBe(1);
    expect(names).toEqual(expect.arrayContaining(whole.items.map(({ metadata }) => metadata.name)));
    expect(names).not.toContain(later.metadata.name);
  });

  it('gives metadata alone, with their kind', async () => {
    const node = await makeNode({ spec: { podCIDR: '10.244.9.0/24', podCIDRs: ['10.244.9.0/24'] } });
    const { items } = await listOf(nodeListPath(node.metadata.name), 'metadata');
    expect(items).toEqual([
      expect.objectContaining({
        kind: 'PartialObjectMetadata',
        metadata: expect.objectContaining({ name: node.metadata.name, uid: node.metadata.uid }) as unknown,
      }),
    ]);
    expect(items[0]).not.toHaveProperty('spec');
  });
});

describe('the API server, asked for changes,', () => {
  it.each<Form>(['whole', 'metadata'])(
    'goes on from the version of a list, with objects of kind and version (%s)',
    async (form) => {
      const node = await makeNode({ spec: { taints } });
      const path = nodeListPath(node.metadata.name);
      const { resourceVersion } = (await listOf(path, form)).metadata;
      const events = watched(
        path,
        `resourceVersion=${resourceVersion}&timeoutSeconds=60`,
        ({ type }) => type === 'MODIFIED',
        form,
      );
      await annotate(node, { [NODE_KEY_ANNOTATION]: 'a' });
      const [changed] = (await events).filter(({ type }) => type !== 'BOOKMARK');
      expect([changed?.type, changed?.object.kind]).toEqual([
        'MODIFIED',
        form === 'whole' ? 'Node' : 'PartialObjectMetadata',
      ]);
      expect(changed?.object.metadata.annotations).toMatchObject({ [NODE_KEY_ANNOTATION]: 'a' });
      expect(changed?.object.metadata.resourceVersion).not.toBe(resourceVersion);
      expect(Object.hasOwn(changed!.object, 'spec')).toBe(form === 'whole');
    },
  );

  it('sends a bookmark before it ends the watch after the time that was asked for', async () => {
    const path = nodeListPath((await makeNode()).metadata.name);
    const { resourceVersion } = (await listOf(path)).metadata;
    const events = await watched(
      path,
      `resourceVersion=${resourceVersion}&timeoutSeconds=${WATCH_SECONDS}`,
      () => false,
    );
    const bookmarks = events.filter(({ type }) => type === 'BOOKMARK');
    expect(bookmarks.map(({ object }) => [object.kind, object.metadata.resourceVersion])).toContainEqual([
      'Node',
      expect.stringMatching(/^[1-9]\d*$/),
    ]);
  });

  it('answers a version that is forgotten with one event, of type ERROR and code 410', async () => {
    const events = await watched(NODES_PATH, 'resourceVersion=1&timeoutSeconds=60', () => false);
    expect(events.map(({ type, object }) => [type, object.kind, object.code])).toEqual([['ERROR', 'Status', 410]]);
  });
});

describe('the API server, told of changes,', () => {
  const conditions = [
    { type: 'Ready', status: 'True', reason: 'Kubelet', message: 'ready' },
    { type: 'NetworkUnavailable', status: 'True', reason: 'NoRoute', message: 'no route' },
  ];

  /** Report and events of this node, as the agent makes them. */
  function reporter(node: ApiObject) {
    const clock = new VirtualClock(new Date().toISOString());
    const notices = new NoticeLog(silentLogger(), clock);
    const report = new NodeReport({ api, clock, random: Math.random, notices, startupTaint: TAINT });
    const events = new NodeEvents({ api, clock, notices });
    report.nodeIs(parseNodeObject(node));
    events.nodeIs(parseNodeObject(node));
    return { clock, report, events };
  }

  it("takes a node's report: its key, its condition by type, its taint by key, and leaves the others", async () => {
    const node = await makeNode({ spec: { taints }, status: { conditions } });
    const { report } = reporter(node);
    const key = new Uint8Array(randomBytes(32));
    report.publish(key);
    report.readinessIs(true);
    let after = node;
    await until(async () => {
      after = (await api.get(nodePath(node.metadata.name))) as ApiObject;
      return after.spec?.taints?.some((taint) => taint.key === TAINT) !== true;
    });
    expect(after.kind).toBe('Node');
    expect(after.metadata.annotations).toMatchObject({ [NODE_KEY_ANNOTATION]: encodedKey(key) });
    expect(after.status?.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True' }));
    expect(after.status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'NetworkUnavailable', status: 'False', reason: 'HeddleIsUp' }),
    );
    // A real server adds the taint of nodes that are not ready.
    expect(after.spec?.taints).toContainEqual(expect.objectContaining({ key: OTHER_TAINT }));
  });

  it('changes no status by a patch of the Node, and nothing wanted by a patch of its status', async () => {
    const node = await makeNode({ spec: { taints }, status: { conditions } });
    const path = nodePath(node.metadata.name);
    await api.patch(path, PATCH.merge, { status: { conditions: [] } });
    await api.patch(`${path}/status`, PATCH.strategicMerge, { spec: { unschedulable: true } });
    const after = (await api.get(path)) as ApiObject;
    expect(after.status?.conditions).toEqual(
      expect.arrayContaining(conditions.map((one) => expect.objectContaining(one))),
    );
    expect(after.spec).not.toHaveProperty('unschedulable');
  });

  it('removes an annotation that a merge patch sets to null', async () => {
    const node = await makeNode();
    await annotate(node, { [NODE_KEY_ANNOTATION]: 'a', other: 'b' });
    const after = (await annotate(node, { [NODE_KEY_ANNOTATION]: null })) as ApiObject;
    expect(Object.keys(after.metadata.annotations ?? {})).toEqual(['other']);
  });

  it.each([
    ['the test of a JSON patch fails', [{ op: 'test', path: '/spec/taints/0/key', value: 'x' }]],
    ['a JSON patch removes what is not there', [{ op: 'remove', path: '/spec/taints/9' }]],
  ])('answers 422 when %s', async (_, patch) => {
    const { metadata } = await makeNode({ spec: { taints } });
    expect(await statusOf(api.patch(nodePath(metadata.name), PATCH.json, patch))).toBe(422);
  });

  it('takes an Event of a Node in the namespace default', async () => {
    const node = await makeNode();
    const { clock, events } = reporter(node);
    const problems = [{ name: 'pod-cidr', ok: false, message: 'no pod CIDR' }];
    events.conditionsAre(problems);
    clock.advance(120_000);
    events.conditionsAre(problems);
    await until(async () => {
      const { items } = (await api.get(EVENTS_PATH)) as { readonly items: readonly NodeEvent[] };
      return items.some(
        ({ reason, involvedObject: { uid } }) => uid === node.metadata.uid && reason === 'HeddlePodCidr',
      );
    });
  });

  it('refuses a second Node of the same name', async () => {
    const { metadata } = await makeNode();
    expect(
      await statusOf(api.create(NODES_PATH, { kind: 'Node', apiVersion: 'v1', metadata: { name: metadata.name } })),
    ).toBe(409);
  });
});

describe('the API server, asked for what is not there or not allowed,', () => {
  it.each([
    ['a Node', `${NODES_PATH}/heddle-absent`],
    ['a ConfigMap', '/api/v1/namespaces/kube-system/configmaps/heddle-absent'],
    ['a group that it does not have', ABSENT_GROUP],
    ['a kind that the group does not have', '/apis/networking.k8s.io/v1/heddlethings'],
  ])('answers 404 for %s', async (_, path) => {
    expect(await statusOf(api.get(path))).toBe(404);
  });

  it('answers 404 to the watch of a group that it does not have', async () => {
    expect(await statusOf(watched(ABSENT_GROUP, 'resourceVersion=1', () => false))).toBe(404);
  });

  it('answers 403 without the right, with a reason, also for what is not there', async () => {
    const { stranger } = server;
    await expect(stranger.get(NODES_PATH)).rejects.toMatchObject({
      status: 403,
      message: expect.stringContaining('nodes') as unknown,
    });
    expect(await statusOf(stranger.get(nodePath('heddle-absent')))).toBe(403);
    expect(await statusOf(stranger.get(ABSENT_GROUP))).toBe(403);
    expect(await statusOf(stranger.patch(nodePath('heddle-absent'), PATCH.merge, {}))).toBe(403);
    expect(await statusOf(stranger.create(EVENTS_PATH, {}))).toBe(403);
  });

  it('answers 401 to a token that it does not know', async () => {
    if (server.unknown !== null) expect(await statusOf(server.unknown.get(NODES_PATH))).toBe(401);
  });
});

if (IS_REAL) {
  describe('a real API server', () => {
    it.each(manifestObjects())(
      'takes $kind $name of the manifest, without a field that it does not know',
      async ({ path, object }) => {
        if (!server.isReal) return;
        expect(await statusOf(api.create(`${path}?dryRun=All&fieldValidation=Strict`, object))).toBe(200);
      },
    );
  });
}

function manifestObjects() {
  const documents = readFileSync('deploy/kubernetes/heddle.yaml', 'utf8')
    .split(/^---\n/m)
    .slice(1);
  return documents.map((text) => {
    const object = parseYaml(text) as {
      kind: string;
      apiVersion: string;
      metadata: { name: string; namespace?: string };
    };
    const { kind, apiVersion, metadata } = object;
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const within = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
    const plural = kind.toLowerCase().replace(/y$/, 'ie') + 's';
    return { kind, name: metadata.name, path: `${root}${within}/${plural}`, object };
  });
}
