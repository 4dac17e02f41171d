/** HTTP server on a TCP port with the bounds of `connection-guard.ts`: as the second one of the API, and for the metrics alone. */
import { createServer } from 'node:http';
import type { RequestListener, Server, ServerOptions } from 'node:http';
import { guardConnections, HEADERS_TIMEOUT_MS, REQUEST_TIMEOUT_MS, TIMEOUT_CHECK_MS } from './connection-guard.js';

/** Times within which requests must arrive. */
export const REQUEST_TIMES = {
  headersTimeout: HEADERS_TIMEOUT_MS,
  requestTimeout: REQUEST_TIMEOUT_MS,
  connectionsCheckingInterval: TIMEOUT_CHECK_MS,
};

export function createGuardedServer(listener: RequestListener, more: ServerOptions = {}): Server {
  const server = createServer({ ...REQUEST_TIMES, ...more }, listener);
  guardConnections(server);
  return server;
}

/** Resolves to the port that was bound. Rejects with the error of listen(2). */
export async function listenAt(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : port;
}

/** Ends every connection. Resolves when there is none, also for a server that never listened. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
