/**
 * Handover of the node to the supervisor that follows, for the whole-pod upgrade (ADR 0030): the end that gives. It answers on the
 * lock's socket, one line a message:
 *
 * ```
 *  next supervisor                       this one
 *     succeed 1        ------------->    ends the agent without notice to the peers; the router forwards on
 *                      <-------------    (descriptors by `succession.sock`, lock released) yielded
 *     takes the lock, loads a router, starts an agent, which takes over what the router knows of sessions
 *     end              ------------->    kills the router
 *                      <-------------    ended
 * ```
 *
 * Afterwards it waits: until SIGTERM, or until the connection ends, which means that the next supervisor has ended too. Then it
 * serves the node again.
 */
import type { Socket } from 'node:net';
import { messageOf } from '../common/errors.js';
import type { Logger } from '../common/log.js';
import { MESSAGE, onLines } from './take-over.js';

/** Of a connection that asks nothing, as that of a program that looks whether the lock is held. */
const SILENCE_MS = 5_000;

export interface HandoverDeps {
  /** Ends the agent; resolves with the router's descriptors. */
  readonly yield: () => Promise<readonly number[]>;
  /** Passes them to the next supervisor. May throw. */
  readonly pass: (fds: readonly number[]) => void;
  readonly releaseLock: () => void;
  /** Resolves when the router has ended, however. */
  readonly routerEnded: () => Promise<void>;
  readonly killRouter: () => void;
  /** The next supervisor has ended, or does not go on. */
  readonly onAbandoned: () => void;
  readonly log: Logger;
}

export class Handover {
  /** Of the next supervisor, once it has asked. */
  #next: Socket | null = null;
  #routerHasEnded = false;
  #isStopped = false;

  constructor(readonly deps: HandoverDeps) {}

  /** Whether the node is the next supervisor's, or becomes so. */
  get hasBegun(): boolean {
    return this.#next !== null;
  }

  /** Of the lock's socket. */
  accept(socket: Socket): void {
    socket.setTimeout(SILENCE_MS, () => {
      if (socket !== this.#next) socket.destroy();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      if (socket !== this.#next) return;
      if (this.#isStopped) this.deps.killRouter();
      else this.deps.onAbandoned();
    });
    onLines(socket, (line) => this.#answer(socket, line));
  }

  /** Resolves when this supervisor may end: the router is no longer needed. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (!this.#routerHasEnded) await this.deps.routerEnded();
    this.#next?.destroy();
  }

  #answer(socket: Socket, line: string): void {
    if (line === MESSAGE.succeed && this.#next === null && !this.#isStopped) {
      this.#next = socket;
      void this.#give(socket);
    } else if (line === MESSAGE.end && socket === this.#next) this.deps.killRouter();
    else socket.destroy();
  }

  async #give(socket: Socket): Promise<void> {
    const { log, pass, releaseLock, routerEnded } = this.deps;
    log.info('the next meshd takes over this node');
    const fds = await this.deps.yield();
    try {
      pass(fds);
    } catch (thrown) {
      // It opens its own when the router has ended.
      log.warn({ error: messageOf(thrown) }, 'descriptors of the router cannot be passed to the next meshd');
    }
    releaseLock();
    socket.write(`${MESSAGE.yielded}\n`);
    await routerEnded();
    this.#routerHasEnded = true;
    socket.write(`${MESSAGE.ended}\n`);
  }
}
