/**
 * Guard of a server's connections: at most MAX_CONNECTIONS. A further one displaces the connection that has waited longest
 * without a request in progress, so clients that send slowly, or nothing, do not shut others out. When every connection has a
 * request in progress, the further one is refused.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export const MAX_CONNECTIONS = 256;
/** The head of a request must have arrived within this time. */
export const HEADERS_TIMEOUT_MS = 5_000;
/** A request must have arrived whole within this time. */
export const REQUEST_TIMEOUT_MS = 10_000;
/** How often the two times are looked at; Node's default is 30 s. */
export const TIMEOUT_CHECK_MS = 1_000;
/** A connection on which nothing moves for this long is closed: a client that does not read its answer. */
const SILENCE_TIMEOUT_MS = 30_000;

export function guardConnections(server: Server): void {
  /** Connections without a request in progress, the longest waiting first. Bounded by MAX_CONNECTIONS. */
  const waiting = new Set<Socket>();
  /** Connections with one. Bounded by MAX_CONNECTIONS. */
  const busy = new Set<Socket>();
  server.setTimeout(SILENCE_TIMEOUT_MS);
  server.on('connection', (socket: Socket) => {
    if (waiting.size + busy.size >= MAX_CONNECTIONS && !displaceOne(waiting)) return void socket.destroy();
    waiting.add(socket);
    socket.on('close', () => {
      waiting.delete(socket);
      busy.delete(socket);
    });
  });
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    waiting.delete(socket);
    busy.add(socket);
    response.on('close', () => {
      busy.delete(socket);
      if (!socket.destroyed) waiting.add(socket);
    });
  });
}

function displaceOne(waiting: Set<Socket>): boolean {
  for (const socket of waiting) {
    waiting.delete(socket);
    socket.destroy();
    return true;
  }
  return false;
}
