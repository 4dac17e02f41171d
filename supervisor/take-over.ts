/**
 * Take-over of the node from a supervisor that runs, for the whole-pod upgrade (ADR 0030): the end that asks (`handover.ts` has the
 * messages). A supervisor of an older version closes the connection without an answer; then its end is waited for.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { HeddleError } from '../common/errors.js';
import type { Logger } from '../common/log.js';
import type { InstanceLock } from './instance-lock.js';

/** Lines on the lock's socket. The number is the version of these messages; the list is append-only. */
export const MESSAGE = { succeed: 'succeed 1', yielded: 'yielded', end: 'end', ended: 'ended' } as const;

const MAX_LINE_CHARACTERS = 64;
const ASK_AGAIN_MS = 200;
/** The agent of the other has 5 s to end, and is killed then. */
const YIELDS_WITHIN_MS = 15_000;
const ENDS_WITHIN_MS = 5_000;

/** The supervisor before this one, as far as it is known: by its connection, which tells it that this one lives. */
export class FormerSupervisor {
  /** False when it does not hand over. */
  readonly yielded: Promise<boolean>;
  readonly #routerEnded: Promise<void>;
  #routerHasEnded = false;

  constructor(readonly socket: Socket) {
    const heard = (message: string) =>
      new Promise<boolean>((resolve) => {
        onLines(socket, (line) => line === message && resolve(true));
        socket.once('close', () => resolve(false));
      });
    this.yielded = heard(MESSAGE.yielded);
    this.#routerEnded = heard(MESSAGE.ended).then(() => void (this.#routerHasEnded = true));
    socket.setTimeout(YIELDS_WITHIN_MS, () => socket.destroy());
    void this.yielded.then(() => socket.setTimeout(0).unref());
    socket.on('error', () => socket.destroy());
    socket.on('connect', () => socket.write(`${MESSAGE.succeed}\n`));
  }

  get routerForwards(): boolean {
    return !this.#routerHasEnded;
  }

  /** Resolves when its router has ended, or 5 s later. */
  async endRouter(): Promise<void> {
    if (!this.#routerHasEnded) this.socket.write(`${MESSAGE.end}\n`);
    await Promise.race([this.#routerEnded, delay(ENDS_WITHIN_MS, undefined, { ref: false })]);
  }
}

export interface TakenOver {
  readonly lock: InstanceLock;
  readonly former: FormerSupervisor | null;
}

export interface TakeOverOptions {
  readonly path: string;
  readonly log: Logger;
  /** Rejects with `ALREADY_RUNNING` while another process has it. */
  readonly takeLock: () => Promise<InstanceLock>;
}

/** Calls `take` for every line that arrives. What is longer than any message is cut. */
export function onLines(socket: Socket, take: (line: string) => void): void {
  let rest = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!.slice(0, MAX_LINE_CHARACTERS);
    lines.forEach(take);
  });
}

/** Resolves with the lock, and the supervisor that yielded it, if one did. */
export async function takeOver({ path, log, takeLock }: TakeOverOptions): Promise<TakenOver> {
  for (let isFirst = true; ; isFirst = false) {
    const free = await lockIfFree(takeLock);
    if (free !== null) return { lock: free, former: null };
    const former = new FormerSupervisor(connect(path));
    if (await former.yielded) return { lock: await takeLock(), former };
    if (isFirst) log.warn({ path }, 'the meshd that runs here does not hand over: its end is waited for');
    await delay(ASK_AGAIN_MS);
  }
}

/** Resolves when no other process has the lock any more. */
export async function waitForLock(takeLock: TakeOverOptions['takeLock']): Promise<InstanceLock> {
  for (;;) {
    const free = await lockIfFree(takeLock);
    if (free !== null) return free;
    await delay(ASK_AGAIN_MS);
  }
}

async function lockIfFree(takeLock: TakeOverOptions['takeLock']): Promise<InstanceLock | null> {
  try {
    return await takeLock();
  } catch (thrown) {
    if (thrown instanceof HeddleError && thrown.code === 'ALREADY_RUNNING') return null;
    throw thrown;
  }
}
