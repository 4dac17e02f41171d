/**
 * Stand-in for the Kubernetes API server: collections of objects with GET, LIST by pages, LIST and WATCH by name, POST and DELETE,
 * PATCH of nodes, ConfigMaps, events that are made, discovery of kinds, versions and bookmarks, and the faults of a real one on
 * demand.
 * `api-server-behaviour.integration.test.ts` is the suite that it and a real server have to pass.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubernetesError } from '../../common/errors.js';
import { NODES_PATH } from '../api-server.js';
import type { Form } from '../api-server.js';
import { neededRight } from './needed-rights.js';
import { patchedObject } from './patched-object.js';
import { bookmark, formOf, KINDS, servedList, servedObject } from './served-objects.js';
import type { StoredObject } from './served-objects.js';

/** Of a cluster without any other change, and before the end of a watch (Kubernetes 1.15 and newer). */
const BOOKMARK_INTERVAL_MS = 60_000;
const BOOKMARK_BEFORE_END_MS = 2_000;

/** Collection of one namespace. */
const NAMESPACED = /^(\/api\/v1|\/apis\/[^/]+\/[^/]+)\/namespaces\/([^/]+)\/([^/]+)$/;
const API_VERSION = /^\/apis\/[^/]+\/[^/]+$/;

interface Watch {
  readonly path: string;
  readonly name: string | null;
  readonly form: Form;
  readonly response: ServerResponse;
}

interface PastEvent {
  readonly version: number;
  readonly type: string;
  readonly path: string;
  readonly object: StoredObject;
}

export class StandInApiServer {
  /** Each answered with this status while it is set. */
  refuseWith: number | null = null;
  /** Rights by token, null for all; when set, other tokens are answered with 401. */
  tokens: ReadonlyMap<string, ReadonlySet<string> | null> | null = null;
  readonly requests: string[] = [];
  /** Rights (`list nodes`); when set, requests that need others are answered with 403. */
  allowed: Set<string> | null = null;
  /** Those that were needed. */
  readonly used = new Set<string>();
  /** Time from a change to its event, by the path of a collection. */
  readonly watchDelaysMs = new Map<string, number>();
  readonly configMaps = new Map<string, unknown>();
  readonly created: { readonly path: string; readonly object: unknown }[] = [];
  /** Objects by `namespace/name`, by the path of their collection. */
  readonly #collections = new Map(Object.keys(KINDS).map((path) => [path, new Map<string, StoredObject>()]));
  /** Lists that are read page by page, by their version. */
  readonly #snapshots = new Map<string, readonly StoredObject[]>();
  readonly #past: PastEvent[] = [];
  readonly #watches = new Set<Watch>();
  #version = 100;
  /** Versions before are forgotten. */
  #oldest = this.#version;

  /** For `createServer` of HTTP or HTTPS. */
  readonly listener: RequestListener = (request, response) => this.#answer(request, response);

  /** Into the collection of this path. */
  put(path: string, object: StoredObject): void {
    const objects = this.#collections.get(path)!;
    const type = objects.has(keyOf(object)) ? 'MODIFIED' : 'ADDED';
    this.#version++;
    const { uid = randomUUID() } = object.metadata;
    const stored = { ...object, metadata: { ...object.metadata, uid, resourceVersion: String(this.#version) } };
    objects.set(keyOf(object), stored);
    this.#publish(type, path, stored);
  }

  /** @param key `namespace/name`, or the name of an object without a namespace */
  delete(path: string, key: string): void {
    const objects = this.#collections.get(path)!;
    const object = objects.get(key);
    if (object === undefined) return;
    this.#version++;
    objects.delete(key);
    this.#publish('DELETED', path, {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(this.#version) },
    });
  }

  /** Has this one of {@link INSTALLABLE_KINDS} from now on, as after the installation of its CRD. */
  install(path: string): void {
    this.#collections.set(path, new Map());
  }

  putNode(node: StoredObject): void {
    this.put(NODES_PATH, node);
  }

  deleteNode(name: string): void {
    this.delete(NODES_PATH, name);
  }

  /** Forgets all versions so far, as etcd does when it compacts. */
  compact(): void {
    this.#oldest = ++this.#version;
    for (const watch of this.#watches) watch.response.write(`${JSON.stringify(goneEvent())}\n`);
    this.endWatches();
  }

  endWatches(): void {
    for (const { response } of this.#watches) response.end();
  }

  resetWatches(): void {
    for (const { response } of this.#watches) response.destroy();
  }

  sendRaw(text: string): void {
    for (const { response } of this.#watches) response.write(text);
  }

  get nodes(): StoredObject[] {
    return [...this.#collections.get(NODES_PATH)!.values()];
  }

  get watching(): number {
    return this.#watches.size;
  }

  #publish(type: string, path: string, object: StoredObject): void {
    const event = { version: this.#version, type, path, object };
    this.#past.push(event);
    const tell = (): void => this.#watches.forEach((watch) => send(watch, event));
    const delayMs = this.watchDelaysMs.get(path);
    if (delayMs === undefined) tell();
    else setTimeout(tell, delayMs).unref();
  }

  #node(path: string): StoredObject | undefined {
    return this.#collections.get(NODES_PATH)!.get(nodeNameOf(path));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://stand-in');
    this.requests.push(`${request.method} ${url.pathname}${url.search}`);
    const token = request.headers.authorization?.replace(/^Bearer /, '') ?? '';
    if (this.tokens?.has(token) === false) return refuse(response, 401, 'Unauthorized');
    if (API_VERSION.test(url.pathname)) return this.#discover(url.pathname, response);
    const right = neededRight(request.method ?? 'GET', url);
    this.used.add(right);
    const allowed = this.tokens?.get(token) ?? this.allowed;
    if (allowed?.has(right) === false) return refuse(response, 403, `the service account may not ${right}`);
    if (this.refuseWith !== null) return refuse(response, this.refuseWith, 'refused by the test');
    if (request.method !== 'GET') return void this.#change(request, url.pathname, response);
    const form = formOf(request.headers.accept ?? '');
    const objects = this.#collections.get(url.pathname);
    if (objects !== undefined) return this.#answerList(url, [...objects.values()], form, response);
    const [, version, namespace, plural] = NAMESPACED.exec(url.pathname) ?? [];
    const all = this.#collections.get(`${version}/${plural}`);
    if (all !== undefined) {
      const own = [...all.values()].filter(({ metadata }) => metadata.namespace === namespace);
      return this.#answerList(url, own, form, response, `${version}/${plural}`);
    }
    const node = this.#node(url.pathname);
    if (node !== undefined) return sendJson(response, 200, servedObject(NODES_PATH, 'whole', node));
    const object = this.configMaps.get(url.pathname);
    if (object !== undefined) return sendJson(response, 200, object as object);
    if (isServed(url.pathname)) return refuse(response, 404, `${url.pathname} not found`);
    response.statusCode = 404;
    response.end('404 page not found\n');
  }

  /** Resources of a version of an API, for which nobody needs a right. */
  #discover(version: string, response: ServerResponse): void {
    const paths = [...this.#collections.keys()].filter((path) => path.startsWith(`${version}/`));
    if (paths.length === 0) return refuse(response, 404, `${version} not found`);
    const resources = paths.map((path) => ({ name: path.slice(version.length + 1) }));
    sendJson(response, 200, { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: version.slice(6), resources });
  }

  async #change(request: IncomingMessage, path: string, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) text += chunk;
    if (request.method === 'POST') return this.#make(path, JSON.parse(text) as StoredObject, response);
    const node = this.#node(path);
    if (node === undefined) return refuse(response, 404, `${path} not found`);
    if (request.method === 'DELETE') {
      this.deleteNode(node.metadata.name);
      return sendJson(response, 200, { kind: 'Status', status: 'Success' });
    }
    try {
      const patched = patchedObject(node, request.headers['content-type'] ?? '', JSON.parse(text)) as StoredObject;
      this.putNode(path.endsWith('/status') ? { ...patched, ...part(node, 'spec') } : withStatusOf(node, patched));
      sendJson(response, 200, servedObject(NODES_PATH, 'whole', this.#node(path)!));
    } catch (thrown) {
      if (!(thrown instanceof KubernetesError)) throw thrown;
      refuse(response, thrown.status ?? 500, thrown.message);
    }
  }

  #make(path: string, object: StoredObject, response: ServerResponse): void {
    const objects = this.#collections.get(path);
    if (objects?.has(keyOf(object)) === true) return refuse(response, 409, `${object.metadata.name} already exists`);
    this.created.push({ path, object });
    if (objects !== undefined) this.put(path, object);
    sendJson(response, 201, object);
  }

  #answerList(
    { pathname: path, searchParams: query }: URL,
    objects: readonly StoredObject[],
    form: Form,
    response: ServerResponse,
    collection = path,
  ): void {
    const name = /^metadata\.name=(.+)$/.exec(query.get('fieldSelector') ?? '')?.[1] ?? null;
    if (query.get('watch') === '1') return this.#startWatch({ path, name, form, response }, query);
    const [version, first] = (query.get('continue') ?? `${this.#version} 0`).split(' ') as [string, string];
    const all =
      this.#snapshots.get(version) ?? objects.filter(({ metadata }) => name === null || metadata.name === name);
    const end = Number(first) + Number(query.get('limit') ?? all.length);
    if (end < all.length) this.#snapshots.set(version, all);
    const next = end < all.length ? `${version} ${end}` : '';
    const items = all.slice(Number(first), end);
    sendJson(response, 200, servedList(collection, form, { resourceVersion: version, continue: next, items }));
  }

  #startWatch(watch: Watch, query: URLSearchParams): void {
    const { response } = watch;
    const version = Number(query.get('resourceVersion'));
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (version !== 0 && version < this.#oldest) return void response.end(`${JSON.stringify(goneEvent())}\n`);
    for (const past of this.#past) if (past.version > version) send(watch, past);
    this.#watches.add(watch);
    const timers = this.#timersOf(watch, Number(query.get('timeoutSeconds') ?? 1800) * 1000);
    response.on('close', () => {
      timers.forEach(clearTimeout);
      this.#watches.delete(watch);
    });
  }

  #timersOf({ path, form, response }: Watch, lastsMs: number): NodeJS.Timeout[] {
    const mark = (): void => void response.write(`${JSON.stringify(bookmark(path, form, String(this.#version)))}\n`);
    return [
      setInterval(mark, BOOKMARK_INTERVAL_MS).unref(),
      setTimeout(mark, Math.max(0, lastsMs - BOOKMARK_BEFORE_END_MS)).unref(),
      setTimeout(() => response.end(), lastsMs).unref(),
    ];
  }
}

/** Listens on this address. Resolves with the server and its port. */
export function listen(api: StandInApiServer, host: string, port = 0): Promise<{ server: Server; port: number }> {
  const server = createServer(api.listener);
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, host, () => resolve({ server, port: (server.address() as AddressInfo).port }));
  });
}

/** Of `/api/v1/nodes/NAME` and of its status; empty for other paths. */
function nodeNameOf(path: string): string {
  return /^\/api\/v1\/nodes\/([^/]+)(\/status)?$/.exec(path)?.[1] ?? '';
}

function keyOf({ metadata: { namespace, name } }: StoredObject): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** A change of a Node does not reach its status, nor a change of its status what is wanted of it. */
function withStatusOf(before: StoredObject, after: StoredObject): StoredObject {
  return { ...after, ...part(before, 'status') };
}

function part(object: StoredObject, field: 'spec' | 'status'): object {
  return { [field]: (object as { spec?: unknown; status?: unknown })[field] };
}

/** Whether the server has the group and version of the path. */
function isServed(path: string): boolean {
  const group = (of: string): string => /^\/(api\/v1|apis\/[^/]+\/[^/]+)\//.exec(of)?.[1] ?? '';
  return Object.keys(KINDS).some((collection) => group(collection) === group(path));
}

function send({ path, name, form, response }: Watch, { type, object, ...event }: PastEvent): void {
  if (event.path === path && (name === null || object.metadata.name === name))
    response.write(`${JSON.stringify({ type, object: servedObject(path, form, object) })}\n`);
}

function sendJson(response: ServerResponse, code: number, object: object): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(object));
}

function refuse(response: ServerResponse, code: number, message: string): void {
  sendJson(response, code, { kind: 'Status', status: 'Failure', message, code });
}

function goneEvent(): unknown {
  return { type: 'ERROR', object: { kind: 'Status', code: 410, message: 'too old resource version' } };
}
