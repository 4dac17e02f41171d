/**
 * Server of the metrics alone, at an address that other machines reach: `GET /metrics` and nothing else, without the API's
 * loopback guards. Off unless the setting `metricsAddress` names an address, since it asks for no password.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf } from '../../../common/errors.js';
import type { Logger } from '../../../common/log.js';
import { guardConnections, HEADERS_TIMEOUT_MS, REQUEST_TIMEOUT_MS, TIMEOUT_CHECK_MS } from './connection-guard.js';
import type { Metrics } from '../metrics.js';

export interface MetricsServer {
  /** Port that was bound. */
  readonly port: number;
  close(): Promise<void>;
}

/** Rejects with the error of listen(2) when the port is taken. */
export async function startMetricsServer(
  metrics: Metrics,
  { address, port }: { readonly address: string; readonly port: number },
  log: Logger,
): Promise<MetricsServer> {
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
    },
    (request, response) => void answer(metrics, request, response, log),
  );
  guardConnections(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(metrics: Metrics, request: IncomingMessage, response: ServerResponse, log: Logger) {
  if (request.method !== 'GET' || request.url !== '/metrics') return void response.writeHead(404).end();
  try {
    const text = await metrics.render();
    response.writeHead(200, { 'content-type': metrics.contentType }).end(text);
  } catch (thrown) {
    log.error({ error: messageOf(thrown) }, 'the metrics could not be rendered');
    response.writeHead(500).end();
  }
}
