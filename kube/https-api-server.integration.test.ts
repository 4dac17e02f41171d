import { afterEach, describe, expect, it } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo, Server as NetServer } from 'node:net';
import { join } from 'node:path';
import { KubernetesError } from '../common/errors.js';
import { nodeListPath, nodePath, PATCH } from './api-server.js';
import type { HttpsApiServer } from './https-api-server.js';
import { nodeObject } from './testing/node-objects.js';
import { listen, StandInApiServer } from './testing/stand-in-api-server.js';
import { apiClient, TestCredentials } from './testing/test-credentials.js';

const NODE = nodeObject('w1', { podCIDRs: ['10.244.1.0/24'] }, ['192.0.2.1']);
const credentials: TestCredentials[] = [];
const servers: NetServer[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  for (const made of credentials.splice(0)) made.remove();
});

async function overHttp(): Promise<[StandInApiServer, HttpsApiServer]> {
  const api = new StandInApiServer();
  const { server, port } = await listen(api, '127.0.0.1');
  servers.push(server);
  return [api, apiClient(`http://127.0.0.1:${port}`)];
}

/** A server with a certificate of its own authority, and a service account's folder. */
async function overHttps(token: string): Promise<[StandInApiServer, HttpsApiServer, string]> {
  const made = new TestCredentials();
  credentials.push(made);
  const api = new StandInApiServer();
  const server = createServer({ key: readFileSync(made.keyFile), cert: readFileSync(made.certFile) }, api.listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  const folder = made.of(token);
  return [api, apiClient(`https://127.0.0.1:${(server.address() as AddressInfo).port}`, folder), folder];
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
    const [api, https, folder] = await overHttps('first');
    api.putNode(NODE);
    api.tokens = new Map([['first', null]]);
    await expect(https.get(nodeListPath('w1'))).resolves.toMatchObject({ items: [{ metadata: { name: 'w1' } }] });
    api.tokens = new Map([['second', null]]);
    expect((await failed(https.get(nodeListPath('w1')))).status).toBe(401);
    writeFileSync(join(folder, 'token'), 'second');
    await https.get(nodeListPath('w1'));
    const [, other] = await overHttps('second');
    const stranger = apiClient(other.name, folder);
    expect((await failed(stranger.get('/api/v1/nodes'))).message).toMatch(/self-signed certificate|unable to verify/);
  });

  it('names the file of credentials that it cannot read', async () => {
    const https = apiClient('https://127.0.0.1:1');
    expect((await failed(https.get('/api/v1/nodes'))).message).toContain('/nowhere/ca.crt');
  });

  it('sends no token over HTTP', async () => {
    const [api, http] = await overHttp();
    api.tokens = new Map([['x', null]]);
    expect((await failed(http.get('/api/v1/nodes'))).status).toBe(401);
  });

  it('gives the status and the reason of a refusal, and says when nobody listens', async () => {
    const [api, http] = await overHttp();
    api.refuseWith = 503;
    const error = await failed(http.get('/api/v1/nodes?limit=1'));
    expect([error.status, error.message]).toEqual([503, `${http.name}/api/v1/nodes: status 503: refused by the test`]);
    expect((await failed(apiClient('http://127.0.0.1:1').get('/x'))).message).toContain('ECONNREFUSED');
  });

  it('changes a node by a patch, gives it as it is then, and makes events', async () => {
    const [api, http] = await overHttp();
    api.putNode(NODE);
    const conditions = [{ type: 'NetworkUnavailable', status: 'False', message: 'zwölf' }];
    const changed = await http.patch(`${nodePath('w1')}/status`, PATCH.strategicMerge, { status: { conditions } });
    expect(changed).toMatchObject({ metadata: { name: 'w1' }, status: { conditions } });
    const untaint = [{ op: 'test', path: '/spec/taints/0/key', value: 'x' }];
    expect((await failed(http.patch(nodePath('w1'), PATCH.json, untaint))).status).toBe(422);
    const event = { kind: 'Event', metadata: { namespace: 'default', name: 'w1.1' } };
    await http.create('/api/v1/namespaces/default/events', event);
    expect(api.created).toEqual([{ path: '/api/v1/namespaces/default/events', object: event }]);
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
});
