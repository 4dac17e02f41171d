/** Leaves a socket file without a listener at `path`, as a killed process does. */
import { link, rename } from 'node:fs/promises';
import { createServer } from 'node:net';

export async function leaveStaleSocket(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  // Closing removes the file, so it is linked away for that moment.
  await link(path, `${path}.kept`);
  await new Promise((resolve) => server.close(resolve));
  await rename(`${path}.kept`, path);
}
