/**
 * Unix sockets in the file system: whether a process listens on one, and removal of the file that a dead process left.
 * A file that is not a socket is left alone.
 */
import { lstat, mkdir, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { codeOf, ListenError, messageOf } from '../errors.js';

/** Room for the path of a socket in the kernel (sun_path of unix(7)), without the final NUL. */
export const MAX_SOCKET_PATH_BYTES = 107;
/** Root only. */
export const SOCKET_MODE = 0o600;
const DIRECTORY_MODE = 0o755;
const ANSWER_TIMEOUT_MS = 1_000;

/** Throws {@link ListenError} when `path` is in use by a live process or is not a socket. */
export async function claimSocketPath(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
  const kind = await kindOf(path);
  if (kind === 'none') return;
  if (kind === 'other') throw new ListenError(`${path} exists and is not a socket: remove it or set another path`);
  if (await isListening(path)) throw new ListenError(`another process listens on ${path}: stop it first`);
  await unlink(path);
}

async function kindOf(path: string): Promise<'none' | 'socket' | 'other'> {
  try {
    return (await lstat(path)).isSocket() ? 'socket' : 'other';
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return 'none';
    throw new ListenError(`cannot read the state of ${path}: ${messageOf(thrown)}`, { cause: thrown });
  }
}

/**
 * True when a process accepts connections at `path`, or does not answer within a second. Rejects with ListenError on any
 * other failure than a missing listener, for example without permission.
 */
export function isListening(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const answer = (listening: boolean): void => {
      socket.destroy();
      resolve(listening);
    };
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => answer(true));
    socket.once('connect', () => answer(true));
    socket.once('error', (error) => {
      // ECONNRESET: it has stopped to listen before it accepted. ENOTDIR: its folder is none.
      if (['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'ENOTDIR'].includes(codeOf(error))) answer(false);
      else
        reject(
          new ListenError(`cannot connect to ${path} to find out whether a process listens: ${error.message}`, {
            cause: error,
          }),
        );
    });
  });
}
