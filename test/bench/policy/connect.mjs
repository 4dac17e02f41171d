/**
 * Connections a second between two pods. `serve PORT` accepts and closes; `ask HOST PORT SECONDS` opens one after the other on several
 * lines and prints their number a second.
 */
import { connect, createServer } from 'node:net';

const LINES = 16;
const [verb, ...args] = process.argv.slice(2);
if (verb === 'serve')
  createServer((socket) => socket.on('error', () => undefined).end()).listen(Number(args[0]), '0.0.0.0');
else await ask(args[0], Number(args[1]), Number(args[2]));

async function ask(host, port, seconds) {
  const startedMs = performance.now();
  let made = 0;
  const line = async () => {
    while (performance.now() - startedMs < seconds * 1000) {
      await new Promise((resolve, reject) => {
        const socket = connect(port, host, () => made++).resume();
        socket.on('error', reject).on('close', resolve);
      });
    }
  };
  await Promise.all(Array.from({ length: LINES }, line));
  process.stdout.write(`${((made * 1000) / (performance.now() - startedMs)).toFixed(0)}\n`);
}
