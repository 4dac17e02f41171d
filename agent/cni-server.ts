/**
 * Unix socket of the CNI executable: one request and one answer per connection, each ended by EOF. Requests are served in
 * the order in which they are complete, a few at a time. Only root may connect; connections, bytes and time are bounded all
 * the same, and a malformed request costs its sender the connection and this node a counter.
 */
import { chmodSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { DecodeError, ListenError, messageOf } from '../common/errors.js';
import { BoundedQueue } from '../common/bounded-queue.js';
import { claimSocketPath, SOCKET_MODE } from '../common/host/unix-socket.js';
import type { NoticeLog } from '../common/notice-log.js';

/** Each runs a few programs of the host: more at once only make all of them wait for a processor. */
const MAX_SERVED = 8;
/**
 * After a boot a kubelet starts 110 pods, each with an ADD, a DEL of its former sandbox, and DEL again when that fails. More
 * callers than this get the answer that the queue is full.
 */
const MAX_WAITING = 512;
/** With those that are still sending, or being told that the queue is full. One more is closed at once. */
const MAX_CONNECTIONS = 1024;
/** A caller sends its request at once. */
const REQUEST_WITHIN_MS = 5_000;
/** Above the 10 s that the executable waits for an answer. */
const ANSWER_WITHIN_MS = 30_000;

export interface CniServerOptions {
  readonly path: string;
  readonly maxRequestBytes: number;
  /** Throws or rejects with {@link DecodeError} on bytes that are no request; answers everything else. */
  readonly answer: (request: Uint8Array) => Promise<Uint8Array>;
  /** The answer to a request that is not served, for the reason given. Throws {@link DecodeError} as `answer` rejects. */
  readonly refuse: (request: Uint8Array, reason: string) => Uint8Array;
  readonly notices: NoticeLog;
}

export class CniServer {
  readonly #server: Server;
  /** Bounded by MAX_CONNECTIONS. */
  readonly #sockets = new Set<Socket>();
  /** Bounded by MAX_WAITING. */
  readonly #queue = new BoundedQueue(MAX_SERVED);
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
      this.#server.listen({ path, backlog: MAX_CONNECTIONS }, resolve);
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
    const { answer, refuse } = this.options;
    try {
      if (this.#queue.waiting >= MAX_WAITING) {
        const reason = `${MAX_WAITING} CNI calls wait already`;
        socket.end(refuse(request, reason));
        this.#refuse(reason);
      } else socket.end(await this.#queue.run(() => answer(request)));
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
