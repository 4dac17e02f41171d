import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ApiHarness, json } from '../testing/api-harness.js';

let api: ApiHarness;

beforeEach(async () => {
  api = await ApiHarness.create();
});

afterEach(() => api.dispose());

describe('page', () => {
  async function webRoot(): Promise<string> {
    const root = join(api.directory, 'web');
    await mkdir(join(root, 'assets'), { recursive: true });
    await writeFile(join(root, 'index.html'), '<title>Heddle</title>');
    await writeFile(join(root, 'assets', 'index-abc123.js'), 'export {};');
    await writeFile(join(api.directory, 'outside.txt'), 'private');
    return root;
  }

  it('is asked for anew each time, while hashed assets are kept for ever', async () => {
    await api.start({ webRoot: await webRoot() });
    const page = await api.ask('/');
    expect([page.status, page.headers['cache-control'], page.text]).toEqual([200, 'no-cache', '<title>Heddle</title>']);
    const asset = await api.ask('/assets/index-abc123.js');
    expect(asset.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(asset.headers['content-type']).toContain('javascript');
  });

  it('never leaves its api.directory, and missing files are problems', async () => {
    await api.start({ webRoot: await webRoot() });
    for (const path of ['/../outside.txt', '/..%2foutside.txt', '/%2e%2e/outside.txt', '/assets/none.js']) {
      const answer = await api.ask(path);
      expect([400, 403, 404]).toContain(answer.status);
      expect(answer.text).not.toContain('private');
      expect(json(answer)).toHaveProperty('code');
    }
  });

  it('is no condition of the API', async () => {
    await api.start({ webRoot: join(api.directory, 'missing') });
    expect((await api.ask('/')).status).toBe(404);
    expect((await api.ask('/healthz')).status).toBe(200);
  });
});
