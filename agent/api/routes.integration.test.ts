import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ApiHarness, json } from './testing/api-harness.js';

let api: ApiHarness;

beforeEach(async () => {
  api = await ApiHarness.create();
});

afterEach(() => api.dispose());

describe('documents', () => {
  it('answers with what the source says', async () => {
    await api.start();
    expect(json(await api.ask('/v1/status'))).toEqual(api.source.currentStatus);
    expect(json(await api.ask('/v1/peers'))).toEqual(api.source.currentPeers);
    expect(json(await api.ask('/v1/routes'))).toEqual(api.source.routes());
    expect(json(await api.ask('/v1/endpoints'))).toEqual(api.source.endpoints());
    expect(json(await api.ask('/v1/topology'))).toEqual(api.source.currentTopology);
    expect(api.watched).toBe(1);
  });

  it('sends no field that the schema does not declare', async () => {
    api.source.currentStatus = { ...api.source.currentStatus, privateKey: 'secret' } as typeof api.source.currentStatus;
    await api.start();
    expect((await api.ask('/v1/status')).text).not.toContain('secret');
  });

  it('finds one peer by name, id or the beginning of an id, and says what is not one', async () => {
    await api.start();
    for (const key of ['node-b', 'b'.repeat(32), 'bbbbbb']) {
      expect(json(await api.ask(`/v1/peers/${key}`))).toEqual(api.source.currentPeers[0]);
    }
    const missing = await api.ask('/v1/peers/node-z');
    expect(missing.status).toBe(404);
    expect(json(missing)).toEqual({
      code: 'NOT_FOUND',
      message: 'no peer has the id, id prefix or name "node-z"; /v1/peers lists all',
    });
  });

  it('passes questions about network policies on, and says so where there are none', async () => {
    await api.start();
    const none = await api.ask('/v1/policies');
    expect([none.status, none.text]).toEqual([404, expect.stringContaining('this node keeps no network policies')]);
    const open = { isolated: false, policies: [], rules: [] };
    const ofPod = (pod: string) => ({
      pod,
      ips: [],
      known: true,
      ingress: open,
      egress: open,
      problems: [],
      denied: [],
    });
    const asked: unknown[] = [];
    api.source.currentPolicies = {
      isKnown: true,
      elements: 0,
      drops: () => ({ logged: true, totals: [], traffic: [] }),
      ofLocalPods: () => [ofPod('red/a')],
      ofPod,
      decide: (question) => {
        asked.push(question);
        return { allowed: true, protocol: 'TCP', port: 80, flows: [] };
      },
    };
    expect(json(await api.ask('/v1/policies'))).toEqual([ofPod('red/a')]);
    const longest = `${'n'.repeat(63)}/${'p'.repeat(253)}`;
    expect(json(await api.ask(`/v1/policies/${encodeURIComponent(longest)}`))).toEqual(ofPod(longest));
    expect(json(await api.ask('/v1/policy-decisions/red%2Fa/fd00::1/TCP/80'))).toMatchObject({ allowed: true });
    expect(asked).toEqual([{ from: 'red/a', to: 'fd00::1', protocol: 'TCP', port: '80' }]);
  });

  it('describes itself in OpenAPI 3.1, with every document under its name', async () => {
    await api.start();
    const document = json(await api.ask('/openapi.json')) as {
      openapi: string;
      paths: Record<string, unknown>;
      components: { schemas: Record<string, { title: string; description: string }> };
    };
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths).sort()).toEqual([
      '/healthz',
      '/metrics',
      '/readyz',
      '/v1/endpoints',
      '/v1/events',
      '/v1/peers',
      '/v1/peers/{id}',
      '/v1/policies',
      '/v1/policies/{pod}',
      '/v1/policy-decisions/{from}/{to}/{protocol}/{port}',
      '/v1/policy-drops',
      '/v1/revoked/{id}',
      '/v1/routes',
      '/v1/status',
      '/v1/topology',
    ]);
    for (const name of ['Peer', 'Problem', 'Route', 'Status', 'Topology']) {
      expect(document.components.schemas[name]).toMatchObject({ title: name, description: expect.any(String) });
    }
    expect(JSON.stringify(document.paths)).toContain('"#/components/schemas/Peer"');
  });
});

describe('health', () => {
  it('is alive while it answers', async () => {
    await api.start();
    expect(json(await api.ask('/healthz'))).toEqual({ ok: true });
  });

  it('is ready when the source is, and says what is missing when not', async () => {
    await api.start();
    expect((await api.ask('/readyz')).status).toBe(200);
    const conditions = [{ name: 'router', ok: false, message: 'the router is not connected' }];
    api.source.currentStatus = { ...api.source.currentStatus, ready: false, conditions };
    const answer = await api.ask('/readyz');
    expect(answer.status).toBe(503);
    expect(json(answer)).toEqual({ ready: false, conditions });
  });

  it('serves metrics as Prometheus text', async () => {
    await api.start();
    const answer = await api.ask('/metrics');
    expect(answer.headers['content-type']).toContain('text/plain; version=0.0.4');
    expect(answer.text).toContain('heddle_peers{state="down"} 1\n');
  });
});
