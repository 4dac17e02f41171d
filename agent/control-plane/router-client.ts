/**
 * The agent's end of the router port: keeps a connection to the router, checks what comes up and sends what goes down.
 * The router may be absent, restart, or be replaced at any time; every connection begins with its `hello`.
 *
 * ```
 *          open          hello
 *  waiting ----> opening ------> connected
 *     ^             |                |  end of stream, malformed message, no progress
 *     +-------------+----------------+
 * ```
 */
import { DecodeError, messageOf } from '../../common/errors.js';
import { encodeMessage, MessageDecoder } from '../../common/codec/message-stream.js';
import { ROUTER_PORT_VERSION } from '../../common/router-port.js';
import type { RouterCommand, RouterEvent } from '../../common/router-port.js';
import type { Clock } from '../../common/clock.js';
import type { NoticeLog } from '../../common/notice-log.js';
import { checkRouterEvent } from './router-events.js';
import type { OpenRouterStream, RouterStream } from './router-socket.js';

/** Counters of 16384 peers are the longest message; their encoding stays under this. */
const MAX_EVENT_BYTES = 8 << 20;
/** A router that reads nothing for this long a queue is stuck; a new connection gets the whole state again. */
const MAX_QUEUED_BYTES = 16 << 20;
/** Pods wait for a router that restarts, so a new one is looked for often in the time that a start takes. */
const QUICK_RETRY_MS = 50;
const QUICK_RETRIES = 40;
const RETRY_MS = 1_000;
/** A router that accepts but does not say hello in this time is not one. */
const HELLO_WITHIN_MS = 5_000;
const END_WITHIN_MS = 500;

export type RouterHello = Extract<RouterEvent, { type: 'hello' }>;
export type RouterReport = Exclude<RouterEvent, { type: 'hello' }>;

export interface RouterClientOptions {
  readonly open: OpenRouterStream;
  readonly clock: Clock;
  readonly notices: NoticeLog;
  readonly onHello: (hello: RouterHello) => void;
  readonly onReport: (report: RouterReport) => void;
  readonly onDisconnected: () => void;
}

export class RouterClient {
  #stream: RouterStream | null = null;
  #hello: RouterHello | null = null;
  #retries = 0;
  #cancelTimer: () => void = () => undefined;
  #stopped = false;
  #onStopped: () => void = () => undefined;

  constructor(readonly options: RouterClientOptions) {}

  /** What the connected router said of itself, or null while there is none. */
  get router(): RouterHello | null {
    return this.#hello;
  }

  start(): void {
    if (this.#stopped) return;
    const decoder = new MessageDecoder(MAX_EVENT_BYTES);
    const stream: RouterStream = this.options.open({
      onOpen: () => undefined,
      onBytes: (bytes) => this.#received(stream, decoder, bytes),
      onClose: (reason) => this.#closed(stream, reason),
    });
    this.#stream = stream;
    this.#cancelTimer = this.options.clock.after(HELLO_WITHIN_MS, () => this.#drop('the router said no hello'));
  }

  /** Resolves when the router has been given all that was sent, or has not taken it for a moment. */
  stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer();
    const stream = this.#stream;
    if (stream === null) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onStopped = resolve;
      this.#cancelTimer = this.options.clock.after(END_WITHIN_MS, () => this.#drop('the router is stuck'));
      stream.end();
    });
  }

  /** False when there is no router: the command is lost, and the next hello makes the agent say all that matters again. */
  send(command: RouterCommand): boolean {
    if (this.#hello === null || this.#stream === null) return false;
    this.#stream.write(encodeMessage(command));
    if (this.#stream.queuedBytes > MAX_QUEUED_BYTES) this.#drop('the router does not read its commands');
    return true;
  }

  /** Like {@link send}; resolves to true once the kernel has taken the bytes for the router. */
  sendConfirmed(command: RouterCommand): Promise<boolean> {
    const stream = this.#stream;
    if (this.#hello === null || stream === null) return Promise.resolve(false);
    return new Promise((resolve) => stream.write(encodeMessage(command), () => resolve(this.#stream === stream)));
  }

  #received(stream: RouterStream, decoder: MessageDecoder, bytes: Uint8Array): void {
    if (stream !== this.#stream) return;
    try {
      for (const message of decoder.push(bytes)) {
        if (stream !== this.#stream) return;
        this.#take(checkRouterEvent(message));
      }
    } catch (thrown) {
      if (!(thrown instanceof DecodeError)) throw thrown;
      this.#drop(messageOf(thrown));
    }
  }

  #take(event: RouterEvent): void {
    if (event.type !== 'hello') {
      if (this.#hello === null) throw new DecodeError(`router sent "${event.type}" before its hello`);
      this.options.onReport(event);
      return;
    }
    if (event.version !== ROUTER_PORT_VERSION) {
      throw new DecodeError(
        `router speaks port version ${event.version}, this agent ${ROUTER_PORT_VERSION}: restart meshd`,
      );
    }
    this.#cancelTimer();
    this.#retries = 0;
    this.#hello = event;
    this.options.notices.clear('router');
    this.options.onHello(event);
  }

  #drop(reason: string): void {
    const stream = this.#stream;
    if (stream === null) return;
    stream.close();
    this.#closed(stream, reason);
  }

  #closed(stream: RouterStream, reason: string): void {
    if (stream !== this.#stream) return;
    this.#stream = null;
    this.#cancelTimer();
    const wasConnected = this.#hello !== null;
    this.#hello = null;
    if (this.#stopped) return this.#onStopped();
    this.options.notices.write('warn', 'no connection to the router', { reason }, 'router');
    const retryMs = this.#retries++ < QUICK_RETRIES ? QUICK_RETRY_MS : RETRY_MS;
    this.#cancelTimer = this.options.clock.after(retryMs, () => this.start());
    if (wasConnected) this.options.onDisconnected();
  }
}
