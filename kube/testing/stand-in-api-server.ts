/**
 * Stand-in for the Kubernetes API server: collections of objects with GET, LIST by pages, LIST and WATCH by name, PATCH of
 * nodes, ConfigMaps, events that are made, versions and bookmarks, and the faults of a real one on demand. Its answers have the
 * shape of those of Kubernetes 1.32.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubernetesError } from '../../common/errors.js';
import { NODES_PATH } from '../api-server.js';
import { neededRight } from './needed-rights.js';
import { patchedObject } from './patched-object.js';

interface StoredObject {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly resourceVersion?: string };
}

const COLLECTIONS = [
  ...[NODES_PATH, '/api/v1/pods', '/api/v1/namespaces'],
  '/apis/networking.k8s.io/v1/networkpolicies',
];

/** An object as the client asked for it: whole, or its metadata alone. */
type View = (object: StoredObject) => unknown;

interface Watch {
  readonly path: string;
  readonly name: string | null;
  readonly view: View;
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
  /** When set, other tokens are answered with 401. */
  token: string | null = null;
  readonly requests: string[] = [];
  /** Rights (`list nodes`); when set, requests that need others are answered with 403. */
  allowed: ReadonlySet<string> | null = null;
  /** Those that were needed. */
  readonly used = new Set<string>();
  readonly configMaps = new Map<string, unknown>();
  readonly created: { readonly path: string; readonly object: unknown }[] = [];
  /** Objects by `namespace/name`, by the path of their collection. */
  readonly #collections = new Map(COLLECTIONS.map((path) => [path, new Map<string, StoredObject>()]));
  readonly #past: PastEvent[] = [];
  readonly #watches = new Set<Watch>();
  #version = 100;
  /** Versions before are forgotten. */
  #oldest = 0;

  /** For `createServer` of HTTP or HTTPS. */
  readonly listener: RequestListener = (request, response) => this.#answer(request, response);

  /** Into the collection of this path. */
  put(path: string, object: StoredObject): void {
    const objects = this.#collections.get(path)!;
    const type = objects.has(keyOf(object)) ? 'MODIFIED' : 'ADDED';
    this.#version++;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
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
    for (const watch of this.#watches) send(watch, event);
  }

  #node(path: string): StoredObject | undefined {
    return this.#collections.get(NODES_PATH)!.get(nodeNameOf(path));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://stand-in');
    this.requests.push(`${request.method} ${url.pathname}${url.search}`);
    const isKnown = this.token === null || request.headers.authorization === `Bearer ${this.token}`;
    if (!isKnown) return refuse(response, 401, 'Unauthorized');
    const right = neededRight(request.method ?? 'GET', url);
    this.used.add(right);
    if (this.allowed?.has(right) === false) return refuse(response, 403, `the service account may not ${right}`);
    if (this.refuseWith !== null) return refuse(response, this.refuseWith, 'refused by the test');
    if (request.method !== 'GET') return void this.#change(request, url.pathname, response);
    const objects = this.#collections.get(url.pathname);
    const view = viewFor(request.headers.accept ?? '');
    if (objects !== undefined) return this.#answerList(url, [...objects.values()], view, response);
    const node = this.#node(url.pathname);
    if (node !== undefined) return void response.end(JSON.stringify(node));
    const object = this.configMaps.get(url.pathname);
    if (object === undefined) return refuse(response, 404, `${url.pathname} not found`);
    response.end(JSON.stringify(object));
  }

  async #change(request: IncomingMessage, path: string, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) text += chunk;
    const body: unknown = JSON.parse(text);
    if (request.method === 'POST') {
      this.created.push({ path, object: body });
      response.statusCode = 201;
      return void response.end(text);
    }
    const node = this.#node(path);
    if (node === undefined) return refuse(response, 404, `${path} not found`);
    try {
      this.putNode(patchedObject(node, request.headers['content-type'] ?? '', body) as StoredObject);
      response.end(JSON.stringify(this.#node(path)));
    } catch (thrown) {
      if (!(thrown instanceof KubernetesError)) throw thrown;
      refuse(response, thrown.status ?? 500, thrown.message);
    }
  }

  #answerList(
    { pathname: path, searchParams: query }: URL,
    objects: StoredObject[],
    view: View,
    response: ServerResponse,
  ): void {
    const name = /^metadata\.name=(.+)$/.exec(query.get('fieldSelector') ?? '')?.[1] ?? null;
    if (query.get('watch') === '1')
      return this.#startWatch({ path, name, view, response }, Number(query.get('resourceVersion')));
    const all = objects.filter((object) => name === null || object.metadata.name === name);
    const first = Number(query.get('continue') ?? 0);
    const limit = Number(query.get('limit') ?? all.length);
    const next = first + limit < all.length ? { continue: String(first + limit) } : {};
    const metadata = { resourceVersion: String(this.#version), ...next };
    const items = all.slice(first, first + limit).map(view);
    response.end(JSON.stringify({ kind: 'List', metadata, items }));
  }

  #startWatch(watch: Watch, version: number): void {
    const { response } = watch;
    if (version < this.#oldest) return refuse(response, 410, 'too old resource version');
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    for (const past of this.#past) if (past.version > version) send(watch, past);
    this.#watches.add(watch);
    response.on('close', () => this.#watches.delete(watch));
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

function send({ path, name, view, response }: Watch, { type, object, ...event }: PastEvent): void {
  if (event.path === path && (name === null || object.metadata.name === name))
    response.write(`${JSON.stringify({ type, object: view(object) })}\n`);
}

function viewFor(accept: string): View {
  if (!accept.includes('as=PartialObjectMetadata')) return (object) => object;
  return ({ metadata }) => ({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata });
}

function refuse(response: ServerResponse, code: number, message: string): void {
  response.statusCode = code;
  response.end(JSON.stringify({ kind: 'Status', status: 'Failure', message, code }));
}

function goneEvent(): unknown {
  return { type: 'ERROR', object: { kind: 'Status', code: 410, message: 'too old resource version' } };
}
