/**
 * Unix socket of the CNI executable: one request and one answer per connection, each ended by EOF. Only root may
 * connect; connections, bytes and time are bounded all the same, and a malformed request costs its sender the connection
 * and this node a counter.
 */
import { chmodSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { DecodeError, ListenError, messageOf } from '../common/errors.js';
import { claimSocketPath, SOCKET_MODE } from '../common/host/unix-socket.js';
import type { NoticeLog } from '../common/notice-log.js';

/** A kubelet starts pods one by one per worker; hundreds at once are a fault. Further callers are told to come again. */
const MAX_CONNECTIONS = 64;
/** A caller sends its request at once. */
const REQUEST_WITHIN_MS = 5_000;
/** Above the 10 s that the executable waits for an answer. */
const ANSWER_WITHIN_MS = 30_000;

export interface CniServerOptions {
  readonly path: string;
  readonly maxRequestBytes: number;
  /** Throws or rejects with {@link DecodeError} on bytes that are no request; answers everything else. */
  readonly answer: (request: Uint8Array) => Promise<Uint8Array>;
  readonly notices: NoticeLog;
}

export class CniServer {
  readonly #server: Server;
  /** Bounded by MAX_CONNECTIONS. */
  readonly #sockets = new Set<Socket>();
  #refused = 0;

  constructor(readonly options: CniServerOptions) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on('drop', () => this.#refuse('too many connections'));
  }

  /** Requests that were closed without an answer. */
  get refused(): number {
    return this.#refused;
  }

  /** Listens. Throws {@link ListenError}, also when another agent answers on the path. */
  async start(): Promise<void> {
    const { path } = this.options;
    await claimSocketPath(path);
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) => reject(new ListenError(`cannot listen on ${path}: ${messageOf(error)}`)));
      this.#server.listen(path, resolve);
    });
    chmodSync(path, SOCKET_MODE);
  }

  /** Lets no new caller in; resolves when those being served have their answers, or were cut off after a moment. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.setTimeout(1_000, () => socket.destroy());
    await closed;
    rmSync(this.options.path, { force: true });
  }

  #accept(socket: Socket): void {
    const chunks: Buffer[] = [];
    let length = 0;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', (error) => this.#refuse(messageOf(error)));
    socket.setTimeout(REQUEST_WITHIN_MS, () => this.#cut(socket, 'the request did not arrive in time'));
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > this.options.maxRequestBytes) this.#cut(socket, 'the request is too long');
    });
    socket.once('end', () => void this.#serve(socket, Buffer.concat(chunks)));
  }

  async #serve(socket: Socket, request: Buffer): Promise<void> {
    if (socket.destroyed) return;
    socket.setTimeout(ANSWER_WITHIN_MS, () => this.#cut(socket, 'the answer took too long'));
    try {
      socket.end(await this.options.answer(request));
    } catch (thrown) {
      const reason = thrown instanceof DecodeError ? messageOf(thrown) : `no answer: ${messageOf(thrown)}`;
      this.#cut(socket, reason);
    }
  }

  #cut(socket: Socket, reason: string): void {
    if (socket.destroyed) return;
    socket.destroy();
    this.#refuse(reason);
  }

  #refuse(reason: string): void {
    this.#refused++;
    this.options.notices.write('warn', 'CNI request refused', { reason, refused: this.#refused }, 'cni refused');
  }
}
