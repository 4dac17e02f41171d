import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../../../common/errors.js';
import { ApiHarness, json, sendRaw } from '../testing/api-harness.js';
import { FAKE_SELF_ID } from '../testing/fake-source.js';

let api: ApiHarness;

beforeEach(async () => {
  api = await ApiHarness.create();
});

afterEach(() => api.dispose());

describe('the metrics for other machines', () => {
  it('are served under any name, and nothing else is', async () => {
    const { metricsPort } = await api.start({ metrics: { address: '127.0.0.1', port: 0 } });
    const url = `http://127.0.0.1:${metricsPort}`;
    const scrape = await api.ask('/metrics', { url, host: 'node-1.example:6787' });
    expect([scrape.status, scrape.text.includes('heddle_ready 1')]).toEqual([200, true]);
    expect((await api.ask('/v1/status', { url })).status).toBe(404);
    expect((await api.ask('/metrics', { url, method: 'PUT' })).status).toBe(404);
  });
});

describe('a change', () => {
  const PATH = '/v1/revoked/node-b';

  it('is taken on the unix socket, which is that of root', async () => {
    await api.start();
    const put = await api.ask(PATH, { method: 'PUT' });
    expect([put.status, json(put)['name']]).toEqual([200, 'node-b']);
    expect((await api.ask(PATH, { method: 'DELETE' })).status).toBe(200);
    expect(api.source.decisions).toEqual([
      ['node-b', true],
      ['node-b', false],
    ]);
  });

  it('is refused over TCP, from a page, and anywhere else than where changes are', async () => {
    const url = await api.startUrl();
    const refused = [
      await api.ask(PATH, { method: 'PUT', url }),
      await api.ask(PATH, { method: 'DELETE', url }),
      await api.ask(PATH, { method: 'PUT', headers: { origin: 'http://localhost:6786' } }),
      await api.ask(PATH, { method: 'POST' }),
      await api.ask('/v1/status', { method: 'PUT' }),
    ];
    expect(refused.map(({ status }) => status)).toEqual([405, 405, 405, 405, 405]);
    expect(api.source.decisions).toEqual([]);
  });
});

describe('bad input', () => {
  it('answers unknown paths, methods and parameters with a problem that names them', async () => {
    await api.start();
    const unknown = await api.ask('/v1/nothing');
    expect([unknown.status, json(unknown)['code'], json(unknown)['message']]).toEqual([
      404,
      'NOT_FOUND',
      'nothing is at /v1/nothing; /openapi.json lists what is',
    ]);
    const post = await api.ask('/v1/status', { method: 'POST', body: '{"__proto__":1}' });
    expect([post.status, post.headers.allow, json(post)['code']]).toEqual([405, 'GET, HEAD', 'METHOD_NOT_ALLOWED']);
    const extra = await api.ask('/v1/peers?colour=red');
    expect([extra.status, json(extra)]).toEqual([
      400,
      { code: 'REQUEST_INVALID', message: 'unknown query parameter "colour"' },
    ]);
  });

  it('answers malformed addresses and names that are too long', async () => {
    await api.start();
    expect((await api.ask('/v1/peers/%zz')).status).toBe(400);
    expect((await api.ask(`/v1/peers/${'n'.repeat(400)}`)).status).toBeGreaterThanOrEqual(400);
    expect((await api.ask('/../../etc/passwd')).status).toBe(404);
  });

  it('answers what is not HTTP with a problem and closes', async () => {
    const url = await api.startUrl();
    expect(await sendRaw(url, 'no http\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 [^]*"code":"REQUEST_INVALID"/);
    const long = `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'x'.repeat(100_000)}\r\n\r\n`;
    expect(await sendRaw(url, long)).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('does not tell clients the details of its own mistakes', async () => {
    api.source.status = () => {
      throw new TypeError('detail of the inside');
    };
    await api.start();
    const answer = await api.ask('/v1/status');
    expect(answer.status).toBe(500);
    expect(json(answer)).toEqual({ code: 'INTERNAL', message: 'the agent failed to answer; its log has the reason' });
  });
});

describe('who may ask', () => {
  it('answers over TCP only to names that are this machine', async () => {
    const url = await api.startUrl();
    const port = new URL(url).port;
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, '[::1]']) {
      expect((await api.ask('/v1/status', { url: url, host })).status).toBe(200);
    }
    const refused = await api.ask('/v1/status', { url: url, host: 'rebound.example.org' });
    expect([refused.status, json(refused)['code']]).toEqual([403, 'HOST_REFUSED']);
    expect(json(await api.ask('/v1/status'))).toMatchObject({ id: FAKE_SELF_ID });
  });

  it('answers only to such names over the unix socket too, since a forwarder hides where a request came from', async () => {
    await api.start();
    const refused = await api.ask('/v1/status', { host: 'evil.com' });
    expect([refused.status, json(refused)['code']]).toEqual([403, 'HOST_REFUSED']);
  });

  it('sends the security headers and lets no other page read', async () => {
    const url = await api.startUrl();
    for (const path of ['/v1/status', '/nothing']) {
      const { headers } = await api.ask(path, { url: url });
      expect(headers['content-security-policy']).toContain("default-src 'none'");
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  it('refuses to listen beyond this machine', async () => {
    await expect(api.start({ address: '0.0.0.0' })).rejects.toThrow(ConfigError);
    await expect(api.start({ address: '0.0.0.0' })).rejects.toThrow(/not a loopback address/);
  });

  it('listens on no TCP port when told so', async () => {
    expect((await api.start({ address: '' })).url).toBeNull();
    expect((await api.ask('/healthz')).status).toBe(200);
  });

  it('says which port is taken, and leaves nothing open', async () => {
    const url = await api.startUrl();
    const port = Number(new URL(url).port);
    const other = join(api.directory, 'other.sock');
    await expect(api.start({ socketPath: other, port })).rejects.toThrow(new RegExp(`127.0.0.1 port ${port}`));
    await expect(stat(other)).rejects.toThrow('ENOENT');
  });
});
