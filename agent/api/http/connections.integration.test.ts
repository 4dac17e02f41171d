import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { ApiHarness } from '../testing/api-harness.js';
import { acceptsGzip } from './compression.js';
import { MAX_CONNECTIONS } from './connection-guard.js';

let api: ApiHarness;
let sockets: Socket[];

beforeEach(async () => {
  api = await ApiHarness.create();
  sockets = [];
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await api.dispose();
});

/** A client that begins a request and does not end it. */
async function slowClient(url: string): Promise<void> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => socket.destroy());
  sockets.push(socket);
  await once(socket, 'connect');
  socket.write('GET /v1/status HTTP/1.1\r\nhost: localh');
}

describe('connections', () => {
  it('of clients that send slowly do not shut others out', async () => {
    const url = await api.startUrl();
    for (let i = 0; i < MAX_CONNECTIONS + 20; i++) await slowClient(url);
    expect((await api.ask('/v1/status', { url })).status).toBe(200);
    expect((await api.ask('/v1/status', { url })).status).toBe(200);
  });

  it('with a request whose head is late are closed', async () => {
    const url = await api.startUrl();
    await slowClient(url);
    const [answer] = (await once(sockets[0]!, 'data')) as [Buffer];
    expect(answer.toString()).toContain('ERR_HTTP_REQUEST_TIMEOUT');
  }, 10_000);
});

describe('compression', () => {
  it('makes a document of a large cluster a fraction of its size, for clients that accept it', async () => {
    await api.start();
    const plain = await api.open('/openapi.json');
    const body = await bytesOf(plain);
    const compressed = await api.open('/openapi.json', { headers: { 'accept-encoding': 'br, gzip' } });
    const bytes = await bytesOf(compressed);
    expect([plain.headers['content-encoding'], compressed.headers['content-encoding']]).toEqual([undefined, 'gzip']);
    expect(compressed.headers.vary).toBe('accept-encoding');
    expect(Number(compressed.headers['content-length'])).toBe(bytes.length);
    expect(gunzipSync(bytes)).toEqual(body);
    expect(bytes.length).toBeLessThan(body.length / 4);
  });

  it('compresses the event stream, each event complete when it is sent', async () => {
    await api.start();
    const stream = await api.open('/v1/events', { headers: { 'accept-encoding': 'gzip' } });
    expect(stream.headers['content-encoding']).toBe('gzip');
    const [part] = (await once(stream, 'data')) as [Buffer];
    expect(part.length).toBeGreaterThan(10);
    stream.destroy();
    await api.waitForClients(0);
  });

  it.each([
    ['gzip', true],
    ['br;q=1.0, gzip;q=0.8', true],
    ['gzip;q=0', false],
    ['identity', false],
    [undefined, false],
  ])('is used with Accept-Encoding %s: %s', (header, expected) => {
    expect(acceptsGzip(header)).toBe(expected);
  });
});

async function bytesOf(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
