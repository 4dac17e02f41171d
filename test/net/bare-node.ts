/**
 * Node without an agent: opens the descriptors, starts the built router and sends it the commands of standard input,
 * one JSON command a line (bytes as hex strings in `$hex`); events go to standard output the same way. For tests and
 * measurements of the router alone. Usage: node dist/bare-node.js TAP ADDRESS PORT SOCKET [LANES]
 */
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { encodeMessage, MessageDecoder } from '../../common/codec/message-stream.js';
import { ROUTER_OPTIONS_VARIABLE, SUPERVISOR_PID_VARIABLE } from '../../common/launch-contract.js';
import type { RouterLaunchOptions } from '../../common/launch-contract.js';
import { openTap, openUnderlaySockets, TAP_QUEUES_PER_LANE } from '../../router/index.js';

const [tapName = '', address = '', port = '', portSocket = '', lanesText = '1'] = process.argv.slice(2);
const lanes = Number(lanesText);
const tap = openTap({ name: tapName, queues: lanes * TAP_QUEUES_PER_LANE });
const underlay = openUnderlaySockets({ address, port: Number(port), count: lanes });
const fds = [...tap.fds, ...underlay.fds];
const options: RouterLaunchOptions = {
  tapFds: tap.fds.map((_, i) => 3 + i),
  udpFds: underlay.fds.map((_, i) => 3 + tap.fds.length + i),
  tapName,
  portSocket,
  user: 65534,
  lanes,
  offerAes: true,
  warmUp: true,
  standsBy: false,
  logLevel: 'warn',
};
const program = join(dirname(fileURLToPath(import.meta.url)), 'router.js');
const router = spawn(process.execPath, [program], {
  stdio: ['ignore', 'inherit', 'inherit', ...fds],
  env: {
    ...process.env,
    [ROUTER_OPTIONS_VARIABLE]: JSON.stringify(options),
    [SUPERVISOR_PID_VARIABLE]: String(process.pid),
  },
});
router.on('exit', (code) => process.exit(code ?? 1));
process.on('SIGTERM', () => router.kill('SIGTERM'));

const revive = (_: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && '$hex' in value ? Buffer.from(String(value.$hex), 'hex') : value;
const show = (_: string, value: unknown): unknown =>
  value instanceof Uint8Array ? { $hex: Buffer.from(value).toString('hex') } : value;

function attach(): void {
  const socket = connect(portSocket);
  const decoder = new MessageDecoder(16 << 20);
  socket.on('error', () => setTimeout(attach, 50));
  socket.on('connect', () => {
    createInterface({ input: process.stdin }).on('line', (line) => {
      socket.write(encodeMessage(JSON.parse(line, revive)));
    });
  });
  socket.on('data', (chunk: Buffer) => {
    for (const event of decoder.push(chunk)) process.stdout.write(`${JSON.stringify(event, show)}\n`);
  });
}
attach();
