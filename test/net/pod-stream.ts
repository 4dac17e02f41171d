/** TCP connection between two pods that stays open while nodes change. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Pod } from '../../deploy/demo/cluster/cluster.js';

const ECHO_PORT = 7007;
const ECHO_SERVER = `require('net').createServer((s) => s.pipe(s)).listen(${ECHO_PORT}, '::', () => console.log('ready'))`;
const ECHO_CLIENT = `const s = require('net').connect(${ECHO_PORT}, process.argv[1]); process.stdin.pipe(s).pipe(process.stdout)`;

/** A TCP connection between two pods; `echo` sends a line and resolves with what comes back. */
export async function startStream(from: Pod, to: Pod) {
  const server = to.namespace.spawn('node', ['-e', ECHO_SERVER], ['ignore', 'pipe', 'inherit']);
  await once(server.stdout!, 'data');
  const client = from.namespace.spawn('node', ['-e', ECHO_CLIENT, to.ips[0]!], ['pipe', 'pipe', 'inherit']);
  const lines = createInterface({ input: client.stdout! });
  return {
    echo: async (): Promise<string> => {
      const line = once(lines, 'line') as Promise<[string]>;
      client.stdin!.write('echo\n');
      return (await line)[0];
    },
    close: () => [client, server].forEach((child) => child.kill('SIGKILL')),
  };
}
