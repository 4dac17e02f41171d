import { afterEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo, Server as NetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubernetesError } from '../common/errors.js';
import { nodeListPath, nodePath, PATCH } from './api-server.js';
import { HttpsApiServer } from './https-api-server.js';
import { nodeObject } from './testing/node-objects.js';
import { listen, StandInApiServer } from './testing/stand-in-api-server.js';

const NODE = nodeObject('w1', { podCIDRs: ['10.244.1.0/24'] }, ['192.0.2.1']);
const scratch: string[] = [];
const servers: NetServer[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  for (const folder of scratch.splice(0)) rmSync(folder, { recursive: true });
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'heddle-kube-'));
  scratch.push(made);
  return made;
}

function client(url: string, credentials = '/nowhere'): HttpsApiServer {
  return new HttpsApiServer({ url: new URL(url), credentials, readFile: (path) => readFile(path, 'utf8') });
}

async function overHttp(): Promise<[StandInApiServer, HttpsApiServer]> {
  const api = new StandInApiServer();
  const { server, port } = await listen(api, '127.0.0.1');
  servers.push(server);
  return [api, client(`http://127.0.0.1:${port}`)];
}

/** A server with a certificate of its own authority, and a service account's folder. */
async function overHttps(): Promise<[StandInApiServer, HttpsApiServer, string]> {
  const credentials = folder();
  const [key, cert] = [join(credentials, 'key.pem'), join(credentials, 'ca.crt')];
  const subject = ['-subj', '/CN=kubernetes', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const algorithm = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...algorithm, '-keyout', key, '-out', cert, ...subject], {
    stdio: 'ignore',
  });
  const api = new StandInApiServer();
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, api.listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  return [api, client(`https://127.0.0.1:${(server.address() as AddressInfo).port}`, credentials), credentials];
}

const failed = async (promise: Promise<unknown>): Promise<KubernetesError> => {
  const error: unknown = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(KubernetesError);
  return error as KubernetesError;
};

describe('the client of the API server', () => {
  it('proves who it is with the token as it is on disk now, to a server of the right authority', async () => {
    const [api, https, credentials] = await overHttps();
    api.putNode(NODE);
    api.token = 'first';
    writeFileSync(join(credentials, 'token'), 'first\n');
    await expect(https.get(nodeListPath('w1'))).resolves.toMatchObject({ items: [{ metadata: { name: 'w1' } }] });
    api.token = 'second';
    expect((await failed(https.get(nodeListPath('w1')))).status).toBe(401);
    writeFileSync(join(credentials, 'token'), 'second');
    await https.get(nodeListPath('w1'));
    const [, other] = await overHttps();
    writeFileSync(join(other.options.credentials, 'token'), 'second');
    const stranger = client(other.name, credentials);
    expect((await failed(stranger.get('/api/v1/nodes'))).message).toMatch(/self-signed certificate|unable to verify/);
  });

  it('names the file of credentials that it cannot read', async () => {
    const https = client('https://127.0.0.1:1', '/nowhere');
    expect((await failed(https.get('/api/v1/nodes'))).message).toContain('/nowhere/ca.crt');
  });

  it('sends no token over HTTP', async () => {
    const [api, http] = await overHttp();
    api.token = 'x';
    expect((await failed(http.get('/api/v1/nodes'))).status).toBe(401);
  });

  it('gives the status and the reason of a refusal, and says when nobody listens', async () => {
    const [api, http] = await overHttp();
    api.refuseWith = 503;
    const error = await failed(http.get('/api/v1/nodes?limit=1'));
    expect([error.status, error.message]).toEqual([503, `${http.name}/api/v1/nodes: status 503: refused by the test`]);
    expect((await failed(client('http://127.0.0.1:1').get('/x'))).message).toContain('ECONNREFUSED');
  });

  it('changes a node by a patch, gives it as it is then, and makes events', async () => {
    const [api, http] = await overHttp();
    api.putNode(NODE);
    const conditions = [{ type: 'NetworkUnavailable', status: 'False', message: 'zwölf' }];
    const changed = await http.patch(`${nodePath('w1')}/status`, PATCH.strategicMerge, { status: { conditions } });
    expect(changed).toMatchObject({ metadata: { name: 'w1' }, status: { conditions } });
    const untaint = [{ op: 'test', path: '/spec/taints/0/key', value: 'x' }];
    expect((await failed(http.patch(nodePath('w1'), PATCH.json, untaint))).status).toBe(422);
    await http.create('/api/v1/namespaces/default/events', { kind: 'Event' });
    expect(api.created).toEqual([{ path: '/api/v1/namespaces/default/events', object: { kind: 'Event' } }]);
  });

  it('streams the events of a watch until the server ends it', async () => {
    const [api, http] = await overHttp();
    api.putNode(NODE);
    const events: unknown[] = [];
    const watch = http.watch(
      `${nodeListPath('w1')}&watch=1&resourceVersion=0`,
      (event) => {
        events.push((event as { type: string }).type);
        if (events.length === 1) api.deleteNode('w1');
        else api.endWatches();
      },
      new AbortController().signal,
    );
    await watch;
    expect(events).toEqual(['ADDED', 'DELETED']);
  });

  it.each<[string, (api: StandInApiServer, abort: () => void) => void]>([
    ['reset', (api) => api.resetWatches()],
    ['aborted', (_, abort) => abort()],
    ['ended by something else than JSON', (api) => api.sendRaw('<html>\n')],
    ['ended by an event without end', (api) => api.sendRaw('x'.repeat(5 << 20))],
  ])('fails when a watch is %s', async (_, end) => {
    const [api, http] = await overHttp();
    api.putNode(NODE);
    const controller = new AbortController();
    const onEvent = (): void => end(api, () => controller.abort());
    const path = `${nodeListPath('w1')}&watch=1&resourceVersion=0`;
    expect((await failed(http.watch(path, onEvent, controller.signal))).status).toBeNull();
  });

  it('is told that a version is forgotten', async () => {
    const [api, http] = await overHttp();
    api.compact();
    const path = `${nodeListPath('w1')}&watch=1&resourceVersion=1`;
    expect((await failed(http.watch(path, () => undefined, new AbortController().signal))).status).toBe(410);
  });
});
