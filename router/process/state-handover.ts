/**
 * Handover of the state of a router to the one that follows, over a unix socket beside `router.sock` (ADR 0037):
 *
 * ```
 *   next router                              former router
 *     connects, loads, confines itself       forwards
 *     "retire 1"          -------------->    ends its threads: nothing is sealed any more
 *                         <--------------    its state, one message
 *     forwards                               ends
 * ```
 *
 * A former router that is killed, hangs or is of an older version gives no state: the next one makes its sessions anew.
 */
import { chmodSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { encodeMessage, MessageDecoder } from '../../common/codec/message-stream.js';
import { DecodeError, messageOf } from '../../common/errors.js';
import type { Logger } from '../../common/log.js';
import { eraseKeys } from '../tables/session-state.js';
import { checkRouterState, MAX_STATE_BYTES } from './router-state.js';
import type { RouterState } from './router-state.js';

/** The whole request; the number is that of {@link RouterState}. */
const RETIRE = 'retire 1';
/** Of a connection that asks nothing. */
const SILENCE_MS = 10_000;
/** The supervisor kills a former router that gives nothing sooner. */
const STATE_WITHIN_MS = 3_000;

/** The end that gives. */
export class StateGiver {
  readonly #server: Server;
  #isAsked = false;

  /**
   * @param retire ends the threads; its state is overwritten when it has been sent
   * @param onGiven the state was sent, or nobody waits for it any more: this router has no further use
   */
  constructor(
    readonly retire: () => Promise<RouterState>,
    readonly onGiven: () => void,
  ) {
    this.#server = createServer((socket) => this.#accept(socket));
  }

  async listen(path: string): Promise<void> {
    await listenAnew(this.#server, path);
  }

  close(): void {
    this.#server.close();
  }

  #accept(socket: Socket): void {
    socket.setTimeout(SILENCE_MS, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.once('data', (request: Buffer) => {
      if (request.toString() !== RETIRE || this.#isAsked) {
        socket.destroy();
        return;
      }
      this.#isAsked = true;
      void this.#give(socket);
    });
  }

  async #give(socket: Socket): Promise<void> {
    const state = await this.retire();
    const encoded = encodeMessage(state);
    state.lanes.flat().forEach(eraseKeys);
    socket.once('close', () => this.onGiven());
    socket.end(encoded, () => encoded.fill(0));
  }
}

/** The end that asks. */
export class FormerRouter {
  private constructor(
    readonly socket: Socket,
    readonly log: Logger,
  ) {}

  /** Null when no router listens at `path`. */
  static find(path: string, log: Logger): Promise<FormerRouter | null> {
    return new Promise((resolve) => {
      const socket = connect(path);
      socket.once('error', () => resolve(null));
      socket.once('connect', () => resolve(new FormerRouter(socket, log)));
    });
  }

  /** Ends its forwarding. Null when it gives no state that can be used. */
  async takeState(lanes: number): Promise<RouterState | null> {
    const { socket, log } = this;
    try {
      const message = await this.#ask();
      return message === undefined ? null : checkRouterState(message, lanes);
    } catch (thrown) {
      log.warn({ reason: messageOf(thrown) }, 'sessions of the router before are not used and made anew');
      return null;
    } finally {
      socket.destroy();
    }
  }

  /** Resolves with undefined when it ends without an answer. */
  #ask(): Promise<unknown> {
    const { socket } = this;
    const decoder = new MessageDecoder(MAX_STATE_BYTES);
    return new Promise((resolve, reject) => {
      socket.setTimeout(STATE_WITHIN_MS, () => resolve(undefined));
      socket.once('error', reject);
      socket.once('close', () => resolve(undefined));
      socket.on('data', (chunk) => {
        try {
          const [message] = decoder.push(chunk);
          if (message !== undefined) resolve(message);
        } catch (thrown) {
          reject(thrown instanceof Error ? thrown : new DecodeError(messageOf(thrown)));
        }
      });
      socket.write(RETIRE);
    });
  }
}

/** Listens in place of a process that left its socket file; only for this user. */
export async function listenAnew(server: Server, path: string): Promise<void> {
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
}
