import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DecodeError } from '../common/errors.js';
import { silentLogger } from '../common/log.js';
import { leaveStaleSocket } from '../common/testing/stale-socket.js';
import { CniServer } from './cni-server.js';
import { NoticeLog } from '../common/notice-log.js';
import { VirtualClock } from '../common/testing/virtual-clock.js';

let folder: string;
let path: string;
let server: CniServer;
/** Requests whose answer was asked for, in order; the answers come when `held` resolves. */
let served: string[];
let held: Promise<void>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'heddle-cni-'));
  path = join(folder, 'cni.sock');
  served = [];
  held = Promise.resolve();
  server = echoServer();
  await server.start();
});
afterEach(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

function echoServer(): CniServer {
  return new CniServer({
    path,
    maxRequestBytes: 1024,
    answer: (request) => {
      const text = Buffer.from(request).toString();
      if (!text.startsWith('heddle')) return Promise.reject(new DecodeError('relay request does not begin well'));
      served.push(text);
      return held.then(() => Buffer.from(`answer to ${text}`));
    },
    refuse: (request, reason) => Buffer.from(`${Buffer.from(request).toString()} refused: ${reason}`),
    notices: new NoticeLog(silentLogger(), new VirtualClock()),
  });
}

/** What comes back for these bytes; empty when the server closes without an answer. */
function call(bytes: string | Uint8Array, end = true): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(path);
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString()));
    if (end) socket.end(bytes);
    else socket.write(bytes);
  });
}

describe('CniServer', () => {
  it('answers a request that ends, on a socket for root only', async () => {
    expect(await call('heddle ADD')).toBe('answer to heddle ADD');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('serves the calls of a node that boots with 110 pods, all of them, a few at a time', async () => {
    let release: () => void = () => undefined;
    held = new Promise((resolve) => (release = resolve));
    const calls = Array.from({ length: 330 }, (_, i) => call(`heddle ${i}`));
    while (served.length < 8) await new Promise(setImmediate);
    expect(served).toHaveLength(8);
    release();
    expect(await Promise.all(calls)).toEqual(calls.map((_, i) => `answer to heddle ${i}`));
    expect([served.length, server.refused]).toEqual([330, 0]);
  });

  it('tells a caller that too many others wait', async () => {
    let release: () => void = () => undefined;
    held = new Promise((resolve) => (release = resolve));
    const calls = Array.from({ length: 560 }, (_, i) => call(`heddle ${i}`));
    while (server.refused < 40) await new Promise(setImmediate);
    release();
    const answers = await Promise.all(calls);
    expect(answers.filter((answer) => answer.startsWith('answer to'))).toHaveLength(520);
    expect(answers.filter((answer) => answer.endsWith('refused: 512 CNI calls wait already'))).toHaveLength(40);
  });

  it.each([
    ['nothing', ''],
    ['garbage', 'GET / HTTP/1.1\r\n\r\n'],
    ['random bytes', Uint8Array.from({ length: 500 }, (_, i) => (i * 167) & 0xff)],
  ])('closes without an answer on %s, and goes on serving', async (_, bytes) => {
    expect(await call(bytes)).toBe('');
    expect(server.refused).toBe(1);
    expect(await call('heddle DEL')).toBe('answer to heddle DEL');
  });

  it('cuts a caller off that sends more than any request needs', async () => {
    expect(await call('heddle'.repeat(1000), false)).toBe('');
    expect(server.refused).toBeGreaterThan(0);
  });

  it('refuses to start beside a living agent and takes over a dead one’s path', async () => {
    await expect(echoServer().start()).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
    await server.stop();
    expect(existsSync(path)).toBe(false);
    await leaveStaleSocket(path);
    server = echoServer();
    await server.start();
    expect(await call('heddle STATUS')).toBe('answer to heddle STATUS');
  });
});
