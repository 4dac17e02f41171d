/**
 * Lock of one run (a demo, a test, a benchmark) and the prefix of all names it makes: a unix socket `/run/<prefix>lock` on
 * which the run listens. The kernel closes the socket when the process ends, also when nobody reaps it, and the answer is the
 * same in every PID namespace that shares `/run`. A process id has neither property. An flock(2) would have both, but Node
 * has no call for it: a child would have to hold it, which can end before the run or after it.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { ListenError } from '../../../common/errors.js';
import { isListening } from '../../../common/host/unix-socket.js';

export const RUN_FOLDER = '/run';
const PREFIX = /^hd[0-9a-f]{8}-/;
const RANDOM_BYTES = 4;

export class RunLock {
  readonly #path: string;

  private constructor(
    /** `hd<8 random hex digits>-`. */
    readonly prefix: string,
    folder: string,
    private readonly server: Server,
  ) {
    this.#path = lockPath(folder, prefix);
  }

  static async take(folder = RUN_FOLDER): Promise<RunLock> {
    const prefix = `hd${randomBytes(RANDOM_BYTES).toString('hex')}-`;
    const server = createServer((connection) => connection.destroy()).unref();
    // A socket refuses connections between bind and listen: it gets its name afterwards, so that nobody takes it for dead.
    const unnamed = `${folder}/.${prefix}lock`;
    await once(server.listen(unnamed), 'listening');
    const lock = new RunLock(prefix, folder, server);
    renameSync(unnamed, lock.#path);
    return lock;
  }

  release(): void {
    this.server.close();
    rmSync(this.#path, { force: true });
  }
}

/** The run's prefix at the beginning of a name, or null for a name of another form. */
export function runPrefixOf(name: string): string | null {
  return PREFIX.exec(name)?.[0] ?? null;
}

/** Whether the run with this prefix is alive. True also when that cannot be found out, since its names would be removed. */
export async function isHeld(prefix: string, folder = RUN_FOLDER): Promise<boolean> {
  try {
    return await isListening(lockPath(folder, prefix));
  } catch (thrown) {
    if (thrown instanceof ListenError) return true;
    throw thrown;
  }
}

function lockPath(folder: string, prefix: string): string {
  return `${folder}/${prefix}lock`;
}
