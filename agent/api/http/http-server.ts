/**
 * HTTP server of the API: JSON routes, OpenAPI document, event stream, metrics, the built page, and the guards of every
 * request. The only importer of fastify and its plugins. Not here: answers of the routes (`routes.ts`), addresses to
 * listen on (`start-api.ts`).
 */
import { fastifyStatic } from '@fastify/static';
import { fastifySwagger } from '@fastify/swagger';
import { fastify } from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sep } from 'node:path';
import type { Socket } from 'node:net';
import type { Server, ServerResponse } from 'node:http';
import { DIFFERENCES } from '../../../common/document-difference.js';
import { codeOf, RequestError, messageOf } from '../../../common/errors.js';
import type { Logger } from '../../../common/log.js';
import { DOCUMENTS, reference } from '../documents.js';
import type { EventFeed, EventSink } from '../events/event-feed.js';
import { MAX_EVENT_CLIENTS } from '../events/event-feed.js';
import { isLoopbackHost } from './loopback.js';
import { acceptsGzip, gzipped, gzipStream } from './compression.js';
import { guardConnections, REQUEST_TIMEOUT_MS } from './connection-guard.js';
import { closeServer, createGuardedServer, listenAt, REQUEST_TIMES } from './guarded-server.js';
import type { Metrics } from '../metrics.js';
import { problemOf } from './problem.js';
import { CHANGES_PATH, MAX_POD_KEY_LENGTH } from '../routes.js';
import type { JsonRoute } from '../routes.js';
import { SECURITY_HEADERS } from './security-headers.js';

/** The API takes no bodies; this only bounds what is read of an unwanted one. */
const MAX_BODY_BYTES = 16 << 10;
const IMMUTABLE = 'public, max-age=31536000, immutable';

export interface HttpServerOptions {
  readonly routes: readonly JsonRoute[];
  readonly feed: EventFeed;
  readonly metrics: Metrics;
  /** An existing directory, or null for no page. */
  readonly webRoot: string | null;
  readonly logger: Logger;
}

export interface HttpServer {
  listenUnix(path: string): Promise<void>;
  /** @returns the port that was bound */
  listenTcp(address: string, port: number): Promise<number>;
  close(): Promise<void>;
}

/** Both listeners have one application: to compile its schemas is most of what the start of the API costs. */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const app = newApp();
  /** Connections to the unix socket, which is root's: they take the operator's changes. */
  const ofRoot = new WeakSet<Socket>();
  app.server.on('connection', (socket: Socket) => ofRoot.add(socket));
  addGuards(app, options, (request) => ofRoot.has(request.raw.socket));
  for (const document of DOCUMENTS) app.addSchema(document);
  await addOpenApi(app);
  for (const route of options.routes) addJsonRoute(app, route);
  addMetrics(app, options.metrics);
  addEvents(app, options.feed);
  if (options.webRoot !== null) await addPage(app, options.webRoot);
  await app.ready();
  guardConnections(app.server);
  const tcp = tcpServerOf(app);
  return {
    async listenUnix(path) {
      await app.listen({ path });
    },
    listenTcp: (host, port) => listenAt(tcp, host, port),
    async close() {
      await Promise.all([app.close(), closeServer(tcp)]);
    },
  };
}

/** A second server in front of the application, with the same times and bounds as its own. */
function tcpServerOf(app: FastifyInstance): Server {
  const { keepAliveTimeout } = app.server;
  const server = createGuardedServer((request, response) => app.routing(request, response), { keepAliveTimeout });
  server.on('clientError', (error, socket: Socket) => refuseMalformed(codeOf(error), socket));
  return server;
}

function newApp(): FastifyInstance {
  return fastify({
    forceCloseConnections: true,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: REQUEST_TIMES,
    routerOptions: { maxParamLength: MAX_POD_KEY_LENGTH },
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
    frameworkErrors: (error, _request, reply) => sendProblem(reply, error),
    clientErrorHandler: (error, socket) => refuseMalformed(error.code, socket),
  });
}

function addGuards(
  app: FastifyInstance,
  options: HttpServerOptions,
  takesChanges: (request: FastifyRequest) => boolean,
): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(SECURITY_HEADERS);
    done(refusal(request, takesChanges(request)));
  });
  app.addHook('onSend', async (request, reply, payload) => compressed(request, reply, payload));
  app.setErrorHandler((error, request, reply) => {
    const status = sendProblem(reply, error);
    if (status === 500) options.logger.error({ url: request.url, error: messageOf(error) }, 'an API request failed');
  });
  app.setNotFoundHandler((request, reply) => {
    sendProblem(reply, new RequestError('NOT_FOUND', 404, `nothing is at ${request.url}; /openapi.json lists what is`));
  });
}

/** A forwarder to the unix socket passes on what a browser sent, so `Host` is checked there too. */
function refusal(request: FastifyRequest, takesChanges: boolean): RequestError | undefined {
  if (!isLoopbackHost(request.headers.host)) {
    return new RequestError(
      'HOST_REFUSED',
      403,
      `host "${request.headers.host ?? ''}" is not localhost or a loopback address; open the page as http://localhost`,
    );
  }
  const mayChange = takesChanges && isChange(request);
  if (request.method !== 'GET' && request.method !== 'HEAD' && !mayChange) {
    return new RequestError(
      'METHOD_NOT_ALLOWED',
      405,
      `${request.method} is not allowed: this API only reads (GET, HEAD)`,
    );
  }
  return undefined;
}

/** Browsers name the origin of every request that changes something: a page that a forwarder lets in changes nothing. */
function isChange({ method, url, headers }: FastifyRequest): boolean {
  return ['PUT', 'DELETE'].includes(method) && url.startsWith(CHANGES_PATH) && headers.origin === undefined;
}

/** The body as the client takes it. Files of the page and other streams are left as they are. */
async function compressed(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> {
  if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return payload;
  void reply.header('vary', 'accept-encoding');
  const body = acceptsGzip(request.headers['accept-encoding']) ? await gzipped(payload) : null;
  if (body === null) return payload;
  void reply.headers({ 'content-encoding': 'gzip', 'content-length': body.length });
  return body;
}

/** @returns the status that was sent */
function sendProblem(reply: FastifyReply, thrown: unknown): number {
  const { status, problem } = problemOf(thrown);
  if (status === 405) reply.header('allow', 'GET, HEAD');
  reply.headers(SECURITY_HEADERS).code(status).type('application/json; charset=utf-8');
  void reply.send(JSON.stringify(problem));
  return status;
}

/** Bytes that are not HTTP, or too much of it: there is no request to answer, only a socket. */
function refuseMalformed(code: string, socket: Socket): void {
  if (!socket.writable || code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status = code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
  const body = JSON.stringify({ code: 'REQUEST_INVALID', message: `the request is not valid HTTP (${code})` });
  const head = ['content-type: application/json', `content-length: ${Buffer.byteLength(body)}`, 'connection: close'];
  socket.end(`HTTP/1.1 ${status}\r\n${head.join('\r\n')}\r\n\r\n${body}`);
}

async function addOpenApi(app: FastifyInstance): Promise<void> {
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Heddle agent', version: '1', description: 'What one node of the mesh knows.' },
    },
    refResolver: {
      buildLocalReference: ({ $id }, _uri, _fragment, index) => (typeof $id === 'string' ? $id : `schema-${index}`),
    },
  });
  app.get('/openapi.json', { schema: { hide: true } }, (_request, reply) => reply.send(app.swagger()));
}

function addJsonRoute(app: FastifyInstance, route: JsonRoute): void {
  const schema = {
    summary: route.summary,
    tags: [route.tag],
    querystring: { type: 'object', additionalProperties: false },
    response: { ...route.answers, '4xx': reference('Problem') },
    ...(route.description === undefined ? {} : { description: route.description }),
    ...(route.params === undefined ? {} : { params: route.params }),
  };
  app.route<{ Params: Record<string, string> }>({
    method: route.change ?? 'GET',
    url: route.path,
    schema,
    async handler(request, reply) {
      const answer = await route.handle(request.params);
      return reply.code(answer.status).header('cache-control', 'no-store').send(answer.body);
    },
  });
}

function addMetrics(app: FastifyInstance, metrics: Metrics): void {
  const schema = { summary: 'Prometheus metrics', tags: ['health'] };
  app.get('/metrics', { schema }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.render()),
  );
}

function addEvents(app: FastifyInstance, feed: EventFeed): void {
  const schema = {
    summary: 'Live changes as server-sent events',
    description:
      'Events `status` and `topology` with the documents of the same name: at once, and whenever they change. With ' +
      `\`?${DIFFERENCES}\` events \`topologySnapshot\` and \`topologyDifference\` in place of \`topology\`.`,
    tags: ['mesh'],
  };
  app.get('/v1/events', { schema, exposeHeadRoute: false }, (request, reply) => {
    if (feed.isFull) {
      void reply.header('retry-after', '10');
      throw new RequestError(
        'LIMIT_REACHED',
        503,
        `${MAX_EVENT_CLIENTS} clients listen already; close a page and try again`,
      );
    }
    reply.hijack();
    const takesDifferences = request.url.endsWith(`?${DIFFERENCES}`);
    openStream(reply.raw, { isCompressed: acceptsGzip(request.headers['accept-encoding']), takesDifferences }, feed);
  });
}

function openStream(
  response: ServerResponse,
  { isCompressed, takesDifferences }: { readonly isCompressed: boolean; readonly takesDifferences: boolean },
  feed: EventFeed,
): void {
  response.writeHead(200, {
    ...SECURITY_HEADERS,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    vary: 'accept-encoding',
    ...(isCompressed ? { 'content-encoding': 'gzip' } : {}),
  });
  const out = isCompressed ? gzipStream() : response;
  if (out !== response) out.pipe(response);
  const sink: EventSink = {
    takesDifferences,
    get bufferedBytes() {
      return out === response ? response.writableLength : out.writableLength + response.writableLength;
    },
    write: (text) => void out.write(text),
    drop: () => response.destroy(),
  };
  response.on('close', () => {
    feed.leave(sink);
    if (out !== response) out.destroy();
  });
  feed.join(sink);
}

/** Vite names files in `assets/` by their content, so they never change; everything else is asked for again each time. */
async function addPage(app: FastifyInstance, root: string): Promise<void> {
  await app.register(fastifyStatic, {
    root,
    cacheControl: false,
    dotfiles: 'deny',
    schemaHide: true,
    setHeaders: (response, path) => {
      response.setHeader('cache-control', path.includes(`${sep}assets${sep}`) ? IMMUTABLE : 'no-cache');
    },
  });
}
