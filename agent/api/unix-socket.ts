/**
 * Makes way for the agent's unix socket: the socket file of an agent that died is removed, that of one that lives is not,
 * and a file that is no socket is never touched.
 */
import { lstat, mkdir, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { ListenError, messageOf } from '../../common/errors.js';

/** Root's own: the API shows the whole node. */
export const SOCKET_MODE = 0o600;
const DIRECTORY_MODE = 0o755;

/** Throws {@link ListenError} when `path` is in use by a live process or is not a socket. */
export async function claimSocketPath(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
  const kind = await kindOf(path);
  if (kind === 'none') return;
  if (kind === 'other') throw new ListenError(`${path} exists and is not a socket; refusing to replace it`);
  if (await answers(path)) throw new ListenError(`another agent is running: it answers on ${path}`);
  await unlink(path);
}

async function kindOf(path: string): Promise<'none' | 'socket' | 'other'> {
  try {
    return (await lstat(path)).isSocket() ? 'socket' : 'other';
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return 'none';
    throw new ListenError(`${path} cannot be looked at: ${messageOf(thrown)}`, { cause: thrown });
  }
}

/** True when something accepts connections at `path`. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      if (codeOf(error) === 'ECONNREFUSED' || codeOf(error) === 'ENOENT') resolve(false);
      else reject(new ListenError(`${path} cannot be tried: ${error.message}`, { cause: error }));
    });
  });
}

function codeOf(thrown: unknown): unknown {
  return typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined;
}
