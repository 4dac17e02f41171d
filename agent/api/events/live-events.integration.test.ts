import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect } from 'node:net';
import { ApiHarness, json, readUntil } from '../testing/api-harness.js';
import { MAX_EVENT_CLIENTS } from './event-feed.js';

let api: ApiHarness;

beforeEach(async () => {
  api = await ApiHarness.create();
});

afterEach(() => api.dispose());

describe('live events', () => {
  it('streams the status and the topology as they change', async () => {
    await api.start();
    const stream = await api.open('/v1/events', {});
    expect(stream.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(stream.headers['cache-control']).toBe('no-store');
    expect(stream.headers['content-security-policy']).toContain("default-src 'none'");
    api.source.currentStatus = { ...api.source.currentStatus, ready: false };
    api.source.announce();
    const text = await readUntil(stream, '"ready":false');
    expect(text).toMatch(/^retry: 2000\n\nid: 1\nevent: status\ndata: \{"id":"a/);
    expect(text).toContain('\n\nid: 2\nevent: topology\ndata: {"at":');
    expect(api.watched).toBeGreaterThan(0);
  });

  it('keeps the stream open with comments', async () => {
    await api.start();
    expect(await readUntil(await api.open('/v1/events', {}), ': heartbeat')).toContain('\n\n: heartbeat\n\n');
  });

  it('cuts off a client that does not read, and goes on answering others', async () => {
    api.source.currentTopology = { ...api.source.currentTopology, at: 'x'.repeat(1 << 20) };
    const url = await api.startUrl();
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('GET /v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n');
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('error', () => socket.destroy());
    await once(socket, 'data');
    socket.pause();
    await api.waitForClients(0);
    socket.resume();
    await closed;
    expect((await api.ask('/healthz')).status).toBe(200);
  });

  it('refuses more clients than its limit and takes one again when one has gone', async () => {
    await api.start();
    const streams = await Promise.all(Array.from({ length: MAX_EVENT_CLIENTS }, () => api.open('/v1/events', {})));
    for (const stream of streams) stream.resume();
    const refused = await api.ask('/v1/events');
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toBe('10');
    expect(json(refused)).toMatchObject({ code: 'LIMIT_REACHED' });
    streams[0]?.destroy();
    await api.waitForClients(MAX_EVENT_CLIENTS - 1);
    expect((await api.open('/v1/events', {})).statusCode).toBe(200);
  });
});
