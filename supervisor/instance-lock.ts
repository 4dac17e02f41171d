/**
 * Lock that allows one `meshd` per run directory: a listening unix socket. It accepts connections while its owner lives and
 * refuses them from its end on, also after `kill -9`, so a stale lock is recognised with certainty.
 */
import { chmodSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { codeOf, HeddleError, messageOf } from '../common/errors.js';
import { isListening, MAX_SOCKET_PATH_BYTES, SOCKET_MODE } from '../common/host/unix-socket.js';

/** The next supervisor, and programs that look whether the lock is held. */
const MAX_CONNECTIONS = 8;

export interface InstanceLock {
  release(): void;
}

/**
 * Takes the lock at `path`. Connections to it are for `accept`. Throws {@link HeddleError} `ALREADY_RUNNING` when another
 * process holds it and `CONFIG_INVALID` when the path is too long for a socket.
 */
export async function takeInstanceLock(
  path: string,
  accept: (socket: Socket) => void = (socket) => socket.destroy(),
): Promise<InstanceLock> {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    throw new HeddleError(
      'CONFIG_INVALID',
      `runDir is too long: socket path "${path}" exceeds ${MAX_SOCKET_PATH_BYTES} bytes; use a shorter runDir`,
    );
  }
  if (await isListening(path)) throw alreadyRunning(path);
  rmSync(path, { force: true });
  const server = createServer(accept);
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, path);
  // Who connects can end the agent. Whatever the umask is, only root can.
  chmodSync(path, SOCKET_MODE);
  server.unref();
  const inode = statSync(path).ino;
  return {
    release() {
      server.close();
      if (statSync(path, { throwIfNoEntry: false })?.ino === inode) rmSync(path, { force: true });
    },
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        codeOf(error) === 'EADDRINUSE'
          ? alreadyRunning(path)
          : new HeddleError('LISTEN_FAILED', `cannot listen on ${path}: ${messageOf(error)}`),
      );
    });
    server.listen(path, resolve);
  });
}

function alreadyRunning(path: string): HeddleError {
  const found = `another meshd runs with this run directory (it listens on ${path})`;
  return new HeddleError('ALREADY_RUNNING', `${found}: stop it, or set another runDir`);
}
