/**
 * Forwarder from the host's loopback to the page of a node. The agent's own loopback address is inside its network
 * namespace; its unix socket is reachable from any.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

const ADDRESS = '127.0.0.1';
export const DEFAULT_PORT = 6786;

export class PageForwarder {
  /** Bounded by the connections that pages on this machine open. */
  readonly #open = new Set<Socket>();

  private constructor(
    readonly server: Server,
    readonly url: string,
  ) {}

  /** Listens on the default port, or on any free one when that is in use. */
  static async start(apiSocket: string): Promise<PageForwarder> {
    const server = createServer();
    const port = await listen(server, DEFAULT_PORT).catch(() => listen(server, 0));
    const forwarder = new PageForwarder(server, `http://${ADDRESS}:${port}`);
    server.on('connection', (socket) => forwarder.#forward(socket, apiSocket));
    return forwarder;
  }

  stop(): void {
    this.server.close();
    this.#open.forEach((socket) => socket.destroy());
  }

  #forward(browser: Socket, apiSocket: string): void {
    const agent = connect(apiSocket);
    for (const [socket, other] of [
      [browser, agent],
      [agent, browser],
    ] as const) {
      this.#open.add(socket);
      socket.on('close', () => {
        this.#open.delete(socket);
        other.destroy();
      });
      // An error of either side ends both, and the browser connects again.
      socket.on('error', () => socket.destroy());
      socket.pipe(other);
    }
  }
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, ADDRESS);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
