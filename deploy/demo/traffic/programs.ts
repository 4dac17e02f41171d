/**
 * Programs that run inside pods during the checks, as `node demo.js traffic ROLE ...`. Each prints lines of JSON.
 *   receive PORT                          {"listening":true}, then for one connection {"bytes","sha256","seconds"}
 *   send HOST PORT BYTES BYTES_PER_SECOND {"bytes","sha256","seconds"} (0: no limit)
 *   reflect PORT                          {"listening":true}, sends every connection its source address
 *   ask HOST PORT                         {"answer"}
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { DemoError } from '../../../common/errors.js';
import { BLOCK_BYTES, makeBlock } from './payload.js';

/** Report of one side of a transfer. */
export interface TransferReport {
  readonly bytes: number;
  readonly sha256: string;
  readonly seconds: number;
}

const CONNECT_TIMEOUT_MS = 5000;

export async function runTraffic(args: readonly string[]): Promise<void> {
  const [role, ...rest] = args;
  if (role === 'receive') say(await receive(Number(rest[0])));
  else if (role === 'send') say(await send(rest[0] ?? '', Number(rest[1]), Number(rest[2]), Number(rest[3])));
  else if (role === 'reflect') await reflect(Number(rest[0]));
  else if (role === 'ask') say({ answer: await ask(rest[0] ?? '', Number(rest[1])) });
  else throw new DemoError(`traffic role is "${role ?? ''}", expected receive, send, reflect or ask`);
}

function say(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

async function receive(port: number): Promise<TransferReport> {
  const server = createServer().listen(port, '::');
  await once(server, 'listening');
  say({ listening: true });
  const [socket] = (await once(server, 'connection')) as [Socket];
  const startedMs = performance.now();
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  server.close();
  return { bytes, sha256: hash.digest('hex'), seconds: secondsSince(startedMs) };
}

async function send(host: string, port: number, bytes: number, bytesPerSecond: number): Promise<TransferReport> {
  const socket = await dial(host, port);
  const startedMs = performance.now();
  const hash = createHash('sha256');
  // Smaller pieces with a limit, for an even rate.
  const pieceBytes = bytesPerSecond > 0 ? BLOCK_BYTES / 16 : BLOCK_BYTES;
  const block = makeBlock();
  for (let sent = 0; sent < bytes; sent += pieceBytes) {
    // A copy, since the socket may still hold the previous piece.
    const piece = Buffer.from(block.subarray(0, Math.min(pieceBytes, bytes - sent)));
    if (piece.length >= 8) piece.writeBigUInt64BE(BigInt(sent));
    hash.update(piece);
    if (!socket.write(piece)) await once(socket, 'drain');
    if (bytesPerSecond > 0) await delay(Math.max(0, startedMs + (sent / bytesPerSecond) * 1000 - performance.now()));
  }
  socket.end();
  await once(socket, 'close');
  return { bytes, sha256: hash.digest('hex'), seconds: secondsSince(startedMs) };
}

async function reflect(port: number): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end((socket.remoteAddress ?? '').replace(/^::ffff:/, ''));
  });
  server.listen(port, '::');
  await once(server, 'listening');
  say({ listening: true });
  await once(server, 'close');
}

async function ask(host: string, port: number): Promise<string> {
  const socket = await dial(host, port);
  let answer = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) answer += chunk.toString();
  return answer;
}

async function dial(host: string, port: number): Promise<Socket> {
  const socket = connect({ host, port });
  const tooLate = new DemoError(`no connection to ${host} port ${port} within ${CONNECT_TIMEOUT_MS} ms`);
  const timer = setTimeout(() => socket.destroy(tooLate), CONNECT_TIMEOUT_MS);
  await once(socket, 'connect');
  clearTimeout(timer);
  return socket;
}

function secondsSince(startedMs: number): number {
  return Math.round(performance.now() - startedMs) / 1000;
}
