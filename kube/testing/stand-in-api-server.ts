/**
 * Stand-in for the Kubernetes API server: nodes and ConfigMaps with GET, LIST by pages, LIST and WATCH by name, PATCH of nodes,
 * events that are made, versions and bookmarks, and the faults of a real one on demand. Its answers have the shape of those of Kubernetes 1.32.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubernetesError } from '../../common/errors.js';
import { neededRight } from './needed-rights.js';
import { patchedObject } from './patched-object.js';

interface StoredObject {
  readonly metadata: { readonly name: string; readonly resourceVersion?: string };
}

interface Watch {
  readonly name: string | null;
  readonly response: ServerResponse;
}

interface PastEvent {
  readonly version: number;
  readonly type: string;
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
  readonly #nodes = new Map<string, StoredObject>();
  readonly #past: PastEvent[] = [];
  readonly #watches = new Set<Watch>();
  #version = 100;
  /** Versions before are forgotten. */
  #oldest = 0;

  /** For `createServer` of HTTP or HTTPS. */
  readonly listener: RequestListener = (request, response) => this.#answer(request, response);

  putNode(node: StoredObject): void {
    const type = this.#nodes.has(node.metadata.name) ? 'MODIFIED' : 'ADDED';
    this.#version++;
    const stored = { ...node, metadata: { ...node.metadata, resourceVersion: String(this.#version) } };
    this.#nodes.set(node.metadata.name, stored);
    this.#publish(type, stored);
  }

  deleteNode(name: string): void {
    const node = this.#nodes.get(name);
    if (node === undefined) return;
    this.#version++;
    this.#nodes.delete(name);
    this.#publish('DELETED', { ...node, metadata: { ...node.metadata, resourceVersion: String(this.#version) } });
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
    return [...this.#nodes.values()];
  }

  get watching(): number {
    return this.#watches.size;
  }

  #publish(type: string, object: StoredObject): void {
    this.#past.push({ version: this.#version, type, object });
    for (const watch of this.#watches) send(watch, type, object);
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
    if (url.pathname === '/api/v1/nodes') return this.#answerNodes(url.searchParams, response);
    const node = this.#nodes.get(nodeNameOf(url.pathname));
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
    const node = this.#nodes.get(nodeNameOf(path));
    if (node === undefined) return refuse(response, 404, `${path} not found`);
    try {
      this.putNode(patchedObject(node, request.headers['content-type'] ?? '', body) as StoredObject);
      response.end(JSON.stringify(this.#nodes.get(node.metadata.name)));
    } catch (thrown) {
      if (!(thrown instanceof KubernetesError)) throw thrown;
      refuse(response, thrown.status ?? 500, thrown.message);
    }
  }

  #answerNodes(query: URLSearchParams, response: ServerResponse): void {
    const name = /^metadata\.name=(.+)$/.exec(query.get('fieldSelector') ?? '')?.[1] ?? null;
    if (query.get('watch') === '1') return this.#startWatch({ name, response }, Number(query.get('resourceVersion')));
    const all = [...this.#nodes.values()].filter((node) => name === null || node.metadata.name === name);
    const first = Number(query.get('continue') ?? 0);
    const limit = Number(query.get('limit') ?? all.length);
    const next = first + limit < all.length ? { continue: String(first + limit) } : {};
    const metadata = { resourceVersion: String(this.#version), ...next };
    response.end(JSON.stringify({ kind: 'NodeList', metadata, items: all.slice(first, first + limit) }));
  }

  #startWatch(watch: Watch, version: number): void {
    const { response } = watch;
    if (version < this.#oldest) return refuse(response, 410, 'too old resource version');
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    for (const past of this.#past) if (past.version > version) send(watch, past.type, past.object);
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

function send({ name, response }: Watch, type: string, object: StoredObject): void {
  if (name === null || object.metadata.name === name) response.write(`${JSON.stringify({ type, object })}\n`);
}

function refuse(response: ServerResponse, code: number, message: string): void {
  response.statusCode = code;
  response.end(JSON.stringify({ kind: 'Status', status: 'Failure', message, code }));
}

function goneEvent(): unknown {
  return { type: 'ERROR', object: { kind: 'Status', code: 410, message: 'too old resource version' } };
}
