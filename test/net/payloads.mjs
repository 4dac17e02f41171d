/**
 * Traffic with known content, run inside pods: `node payloads.mjs ROLE ...`. Receivers say `listening` on a line of its
 * own, then one line of JSON about what came; senders print one line of JSON about what they sent.
 *   receive-streams PORT COUNT               {"streams": [{"bytes", "sha256"}, ...]} of so many connections
 *   send-streams HOST PORT COUNT BYTES       the same, all at once; BYTES each, "Infinity" until standard input ends
 *   receive-datagrams PORT QUIET_MS          {"right": {"SIZE": count}, "wrong"}; ends when nothing comes for that long
 *   send-datagrams HOST PORT ROUNDS SIZES    {"sent"}; SIZES with commas, each is sent ROUNDS times
 *   echo-datagrams PORT                      {"received", "repeated", "wrong"}; until standard input ends
 *   send-echoed HOST PORT BYTES AT_ONCE QUIET_MS
 *                                            {"sent", "returned", "repeated", "wrong"}; until standard input ends. So many
 *                                            are on their way at a time; after so long without an echo the rest is lost
 *   send-gso HOST PORT ROUNDS SEGMENTS N     {"sent"}; for each length in SEGMENTS ROUNDS super-frames, cut by UDP GSO
 *                                            into N datagrams of that length, or what fits, and one of half of it
 */
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const SOL_UDP = 17;
const UDP_SEGMENT = 103;
const BLOCK_BYTES = 1 << 16;
/** Below the largest UDP payload by more than half a segment. */
const SUPER_FRAME_BYTES = 60_000;
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

/** Of both ends alike, whichever connection came first. */
const streamReport = (streams) => ({ streams: streams.sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1)) });

/** False until standard input ends; to be asked for only by programs that somebody tells when to stop. */
function watchForStop() {
  const watch = { stopped: false };
  process.stdin.once('end', () => (watch.stopped = true)).resume();
  return watch;
}

async function receiveStreams(port, count) {
  const server = createServer().listen(Number(port), '::');
  const streams = [];
  server.on('connection', (socket) => streams.push(receiveStream(socket)));
  await once(server, 'listening');
  say('listening');
  while (streams.length < Number(count)) await once(server, 'connection');
  server.close();
  return streamReport(await Promise.all(streams));
}

async function receiveStream(socket) {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of socket) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

async function sendStreams(host, port, count, bytes) {
  const watch = bytes === 'Infinity' ? watchForStop() : { stopped: false };
  const numbers = Array.from({ length: Number(count) }, (_, i) => i);
  return streamReport(await Promise.all(numbers.map((i) => sendStream(host, port, i, Number(bytes), watch))));
}

async function sendStream(host, port, number, bytes, watch) {
  const socket = connect({ host, port: Number(port) });
  const timer = setTimeout(() => socket.destroy(new Error(`no connection to ${host}`)), CONNECT_TIMEOUT_MS);
  await once(socket, 'connect');
  clearTimeout(timer);
  const hash = createHash('sha256');
  let sent = 0;
  while (sent < bytes && !watch.stopped) {
    const block = content(number + sent, Math.min(BLOCK_BYTES, bytes - sent));
    hash.update(block);
    sent += block.length;
    if (!socket.write(block)) await once(socket, 'drain');
  }
  socket.end();
  await once(socket, 'close');
  return { bytes: sent, sha256: hash.digest('hex') };
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

/** Datagrams by their numbers: which came, and which came again or damaged. */
class Arrivals {
  #numbers = new Set();
  #faults = { repeated: 0, wrong: 0 };

  /** True for a new one. */
  take(bytes) {
    const number = bytes.readUInt32BE();
    const fault = !isRight(bytes) ? 'wrong' : this.#numbers.has(number) ? 'repeated' : null;
    if (fault === null) this.#numbers.add(number);
    else this.#faults[fault]++;
    return fault === null;
  }

  get count() {
    return this.#numbers.size;
  }

  get faults() {
    return this.#faults;
  }
}

async function echoDatagrams(port) {
  const socket = createSocket({ type: 'udp6', recvBufferSize: RECEIVE_BUFFER_BYTES });
  const arrivals = new Arrivals();
  socket.on('message', (bytes, from) => {
    arrivals.take(bytes);
    socket.send(bytes, from.port, from.address);
  });
  socket.bind(Number(port), '::');
  await once(socket, 'listening');
  say('listening');
  await once(process.stdin.resume(), 'end');
  socket.close();
  return { received: arrivals.count, ...arrivals.faults };
}

async function sendEchoed(host, port, bytes, atOnce, quietMs) {
  const watch = watchForStop();
  const socket = socketFor(host);
  const arrivals = new Arrivals();
  let sent = 0;
  const sendNext = () => socket.send(content(sent++, Number(bytes)), Number(port), host);
  await new Promise((resolve) => {
    const timer = setTimeout(resolve, Number(quietMs));
    socket.on('message', (echo) => {
      timer.refresh();
      if (arrivals.take(echo) && !watch.stopped) sendNext();
      else if (watch.stopped && arrivals.count === sent) resolve(clearTimeout(timer));
    });
    while (sent < Number(atOnce)) sendNext();
  });
  socket.close();
  return { sent, returned: arrivals.count, ...arrivals.faults };
}

async function sendGso(host, port, rounds, segments, most) {
  const { default: koffi } = await import('koffi');
  const setsockopt = koffi
    .load('libc.so.6')
    .func('int setsockopt(int fd, int level, int name, int *value, uint length)');
  const socket = socketFor(host);
  socket.bind(0);
  await once(socket, 'listening');
  // Node has no name for it: the descriptor is a property of the handle.
  const { fd } = socket._handle;
  let sent = 0;
  for (const segment of segments.split(',').map(Number)) {
    if (setsockopt(fd, SOL_UDP, UDP_SEGMENT, [segment], 4) !== 0) throw new Error('no UDP GSO here');
    const count = Math.min(Number(most), Math.floor(SUPER_FRAME_BYTES / segment));
    for (let round = 0; round < Number(rounds); round++) {
      const message = Array.from({ length: count }, () => content(sent++, segment));
      message.push(content(sent++, Math.floor(segment / 2)));
      await sendOne(socket, Buffer.concat(message), host, port);
      await delay(PAUSE_MS);
    }
  }
  socket.close();
  return { sent };
}

const roles = {
  'receive-streams': receiveStreams,
  'send-streams': sendStreams,
  'receive-datagrams': receiveDatagrams,
  'send-datagrams': sendDatagrams,
  'echo-datagrams': echoDatagrams,
  'send-echoed': sendEchoed,
  'send-gso': sendGso,
};
const [role, ...rest] = process.argv.slice(2);
say(await roles[role](...rest));
