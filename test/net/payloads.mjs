/**
 * Traffic with known content, run inside pods: `node payloads.mjs ROLE ...`. Receivers say `listening` on a line of its
 * own, then one line of JSON about what came; senders print one line of JSON about what they sent.
 *   receive-stream PORT                      {"bytes", "sha256"} of one connection
 *   send-stream HOST PORT BYTES              the same
 *   receive-datagrams PORT QUIET_MS          {"right": {"SIZE": count}, "wrong"}; ends when nothing comes for that long
 *   send-datagrams HOST PORT ROUNDS SIZES    {"sent"}; SIZES with commas, each is sent ROUNDS times
 *   send-trains HOST PORT ROUNDS SEGMENT N   {"sent"}; ROUNDS super-frames of N datagrams each, cut by UDP GSO
 */
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const SOL_UDP = 17;
const UDP_SEGMENT = 103;
const BLOCK_BYTES = 1 << 16;
/** Datagrams sent at once, before the receiver gets a chance to read. */
const BURST = 8;
const PAUSE_MS = 2;
const RECEIVE_BUFFER_BYTES = 8 << 20;
const CONNECT_TIMEOUT_MS = 5000;

/** The content of datagram `number` of `length` bytes: its number first where there is room, then bytes that depend on it. */
function content(number, length) {
  const bytes = Buffer.alloc(length);
  let state = (number * 2654435761 + length) >>> 0;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  if (length >= 4) bytes.writeUInt32BE(number);
  return bytes;
}

function isRight(bytes) {
  return bytes.length < 4 || content(bytes.readUInt32BE(), bytes.length).equals(bytes);
}

const say = (value) => process.stdout.write(`${typeof value === 'string' ? value : JSON.stringify(value)}\n`);

async function receiveStream(port) {
  const server = createServer().listen(Number(port), '::');
  await once(server, 'listening');
  say('listening');
  const [socket] = await once(server, 'connection');
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of socket) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  server.close();
  return { bytes, sha256: hash.digest('hex') };
}

async function sendStream(host, port, bytesText) {
  const bytes = Number(bytesText);
  const socket = connect({ host, port: Number(port) });
  const timer = setTimeout(() => socket.destroy(new Error(`no connection to ${host}`)), CONNECT_TIMEOUT_MS);
  await once(socket, 'connect');
  clearTimeout(timer);
  const hash = createHash('sha256');
  for (let sent = 0; sent < bytes; sent += BLOCK_BYTES) {
    const block = content(sent / BLOCK_BYTES, Math.min(BLOCK_BYTES, bytes - sent));
    hash.update(block);
    if (!socket.write(block)) await once(socket, 'drain');
  }
  socket.end();
  await once(socket, 'close');
  return { bytes, sha256: hash.digest('hex') };
}

async function receiveDatagrams(port, quietMs) {
  const socket = createSocket({ type: 'udp6', recvBufferSize: RECEIVE_BUFFER_BYTES });
  const report = { right: {}, wrong: 0 };
  socket.bind(Number(port), '::');
  await once(socket, 'listening');
  say('listening');
  await new Promise((resolve) => {
    // The first one may take its time: the sender has yet to start.
    let timer = setTimeout(resolve, Number(quietMs) + CONNECT_TIMEOUT_MS);
    socket.on('message', (bytes) => {
      if (isRight(bytes)) report.right[bytes.length] = (report.right[bytes.length] ?? 0) + 1;
      else report.wrong++;
      clearTimeout(timer);
      timer = setTimeout(resolve, Number(quietMs));
    });
  });
  socket.close();
  return report;
}

const socketFor = (host) =>
  createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', sendBufferSize: RECEIVE_BUFFER_BYTES });
const sendOne = (socket, bytes, host, port) =>
  new Promise((resolve, reject) =>
    socket.send(bytes, Number(port), host, (error) => (error ? reject(error) : resolve())),
  );

async function sendDatagrams(host, port, rounds, sizes) {
  const socket = socketFor(host);
  let sent = 0;
  for (let round = 0; round < Number(rounds); round++) {
    for (const size of sizes.split(',').map(Number)) {
      await sendOne(socket, content(sent, size), host, port);
      if (++sent % BURST === 0 || size > 9000) await delay(PAUSE_MS);
    }
  }
  socket.close();
  return { sent };
}

async function sendTrains(host, port, rounds, segment, count) {
  const { default: koffi } = await import('koffi');
  const setsockopt = koffi
    .load('libc.so.6')
    .func('int setsockopt(int fd, int level, int name, int *value, uint length)');
  const socket = socketFor(host);
  socket.bind(0);
  await once(socket, 'listening');
  // Node has no name for it: the descriptor is a property of the handle.
  const { fd } = socket._handle;
  if (setsockopt(fd, SOL_UDP, UDP_SEGMENT, [Number(segment)], 4) !== 0) throw new Error('no UDP GSO here');
  let sent = 0;
  for (let round = 0; round < Number(rounds); round++) {
    const train = Array.from({ length: Number(count) }, () => content(sent++, Number(segment)));
    // The last one is shorter.
    train.push(content(sent++, Math.floor(Number(segment) / 2)));
    await sendOne(socket, Buffer.concat(train), host, port);
    await delay(PAUSE_MS);
  }
  socket.close();
  return { sent };
}

const roles = {
  'receive-stream': receiveStream,
  'send-stream': sendStream,
  'receive-datagrams': receiveDatagrams,
  'send-datagrams': sendDatagrams,
  'send-trains': sendTrains,
};
const [role, ...rest] = process.argv.slice(2);
say(await roles[role](...rest));
