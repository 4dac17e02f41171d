/**
 * Makes a node's page reachable on the host's loopback. The agent listens on loopback too, but on that of its own network
 * namespace; its unix socket can be reached from any.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

const ADDRESS = '127.0.0.1';
const USUAL_PORT = 6786;

export class PageForwarder {
  /** Bounded by what one page opens; all are this machine's own connections. */
  readonly #open = new Set<Socket>();

  private constructor(
    readonly server: Server,
    readonly url: string,
  ) {}

  /** Listens on the usual port, or on any free one when that is taken. */
  static async start(apiSocket: string): Promise<PageForwarder> {
    const server = createServer();
    const port = await listen(server, USUAL_PORT).catch(() => listen(server, 0));
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
      // The agent restarts, the browser reloads: either ends both sides, and the browser tries again.
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
