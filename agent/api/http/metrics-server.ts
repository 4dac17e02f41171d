/**
 * Server of the metrics alone, at an address that other machines reach: `GET /metrics` and nothing else, without the API's
 * loopback guards. Off unless the setting `metricsAddress` names an address, since it asks for no password.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf } from '../../../common/errors.js';
import type { Logger } from '../../../common/log.js';
import type { Metrics } from '../metrics.js';
import { closeServer, createGuardedServer, listenAt } from './guarded-server.js';

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
  const server = createGuardedServer((request, response) => void answer(metrics, request, response, log));
  return { port: await listenAt(server, address, port), close: () => closeServer(server) };
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
