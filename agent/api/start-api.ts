/**
 * Start and stop of the API: one server on the unix socket and one on loopback TCP, over the same source, event feed and
 * metrics.
 */
import { chmod, stat } from 'node:fs/promises';
import { systemClock } from '../../common/clock.js';
import { ConfigError, ListenError, messageOf } from '../../common/errors.js';
import type { Logger } from '../../common/log.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import type { ApiSource } from './api-source.js';
import type { EventTiming } from './events/event-pacer.js';
import { EventFeed } from './events/event-feed.js';
import { DEFAULT_EVENT_TIMING } from './events/event-pacer.js';
import { createHttpServer } from './http/http-server.js';
import type { HttpServer, HttpServerOptions } from './http/http-server.js';
import { requireLoopback } from './http/loopback.js';
import { startMetricsServer } from './http/metrics-server.js';
import type { MetricsServer } from './http/metrics-server.js';
import { createMetrics } from './metrics.js';
import { jsonRoutes } from './routes.js';
import { claimSocketPath, MAX_SOCKET_PATH_BYTES, SOCKET_MODE } from '../../common/host/unix-socket.js';

export interface ApiOptions {
  readonly source: ApiSource;
  /** Path of the unix socket; its directory is made if it is missing. */
  readonly socketPath: string;
  /** Loopback address to listen on, or '' for no TCP at all. */
  readonly address: string;
  /** TCP port, 0 for any free one. */
  readonly port: number;
  /** Where the metrics alone are served to other machines; address '' for nowhere. */
  readonly metrics: { readonly address: string; readonly port: number };
  /** Directory of the built page, or null for none. */
  readonly webRoot: string | null;
  readonly logger: Logger;
  /** Called whenever someone looks at the topology, and every two seconds or so for as long as they do. */
  readonly onTopologyWatched?: () => void;
  /** How often events are sent; {@link DEFAULT_EVENT_TIMING} unless a test is in a hurry. */
  readonly eventTiming?: EventTiming;
}

export interface ApiServer {
  /** `http://127.0.0.1:6786`, or null without TCP. */
  readonly url: string | null;
  /** Port of the metrics alone, or null without. */
  readonly metricsPort: number | null;
  /** Ends every connection and removes the unix socket. */
  close(): Promise<void>;
}

/**
 * Listens and answers until `close()`. Throws {@link ConfigError} for an address that is not loopback or a socket path that
 * is too long, and {@link ListenError} when another process has the socket or the port; nothing stays open then.
 */
export async function startApi(options: ApiOptions): Promise<ApiServer> {
  const address = options.address === '' ? null : requireLoopback(options.address);
  checkSocketPath(options.socketPath);
  await claimSocketPath(options.socketPath);
  const watched = options.onTopologyWatched ?? (() => undefined);
  const feed = new EventFeed(options.source, options.eventTiming ?? DEFAULT_EVENT_TIMING, systemClock, watched);
  const shared = {
    routes: jsonRoutes(options.source, watched),
    feed,
    metrics: createMetrics(options.source, () => feed.clientCount),
    webRoot: await usableWebRoot(options.webRoot, options.logger),
    logger: options.logger,
  };
  const servers: Pick<HttpServer, 'close'>[] = [];
  const close = async (): Promise<void> => {
    feed.close();
    await Promise.all(servers.map((server) => server.close()));
  };
  try {
    const server = await createHttpServer(shared);
    servers.push(server);
    await listenUnix(server, options.socketPath);
    const url = address === null ? null : await listenTcp(server, address, options.port);
    const scraped = options.metrics.address === '' ? null : await listenForScrapes(shared, options.metrics, servers);
    return { url, metricsPort: scraped?.port ?? null, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

function checkSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes > MAX_SOCKET_PATH_BYTES) {
    throw new ConfigError([`apiSocket "${path}" is ${bytes} bytes long (expected at most ${MAX_SOCKET_PATH_BYTES})`]);
  }
}

async function listenUnix(server: HttpServer, path: string): Promise<void> {
  await listening(`the unix socket ${path}`, async () => {
    await server.listenUnix(path);
    await chmod(path, SOCKET_MODE);
  });
}

async function listenTcp(server: HttpServer, address: IpAddress, port: number): Promise<string> {
  const bound = await listening(`${address} port ${port}`, () => server.listenTcp(address, port));
  return `http://${address.includes(':') ? `[${address}]` : address}:${bound}`;
}

async function listenForScrapes(
  { metrics, logger }: HttpServerOptions,
  at: ApiOptions['metrics'],
  servers: Pick<HttpServer, 'close'>[],
): Promise<MetricsServer> {
  const server = await listening(`${at.address} port ${at.port}`, () => startMetricsServer(metrics, at, logger));
  servers.push(server);
  return server;
}

async function listening<T>(where: string, listen: () => Promise<T>): Promise<T> {
  try {
    return await listen();
  } catch (thrown) {
    throw new ListenError(`cannot listen on ${where}: ${messageOf(thrown)}`, { cause: thrown });
  }
}

/** A missing page is no reason not to run the node. */
async function usableWebRoot(root: string | null, logger: Logger): Promise<string | null> {
  if (root === null) return null;
  try {
    if ((await stat(root)).isDirectory()) return root;
    logger.warn({ webRoot: root }, 'the web page is not served: webRoot is not a directory');
  } catch (thrown) {
    logger.warn({ webRoot: root, error: messageOf(thrown) }, 'the web page is not served: webRoot cannot be read');
  }
  return null;
}
