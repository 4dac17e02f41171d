import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, ListenError } from '../../common/errors.js';
import { leaveStaleSocket } from '../../common/testing/stale-socket.js';
import { ApiHarness } from './testing/api-harness.js';

let api: ApiHarness;

beforeEach(async () => {
  api = await ApiHarness.create();
});

afterEach(() => api.dispose());

describe('the API’s unix socket', () => {
  it('belongs to its owner alone and goes away on close', async () => {
    const server = await api.start();
    expect((await stat(api.socketPath)).mode & 0o777).toBe(0o600);
    await server.close();
    await expect(stat(api.socketPath)).rejects.toThrow('ENOENT');
  });

  it('takes the place of one that a dead agent left', async () => {
    await mkdir(join(api.directory, 'run'));
    await leaveStaleSocket(api.socketPath);
    await api.start();
    expect((await api.ask('/healthz')).status).toBe(200);
  });

  it('leaves that of a live agent alone', async () => {
    await api.start();
    await expect(api.start()).rejects.toThrow(ListenError);
    await expect(api.start()).rejects.toThrow('another process listens on');
    expect((await api.ask('/healthz')).status).toBe(200);
  });

  it('never replaces what is not a socket', async () => {
    const file = join(api.directory, 'file');
    await writeFile(file, 'precious');
    await expect(api.start({ socketPath: file })).rejects.toThrow('is not a socket');
    expect((await stat(file)).size).toBe(8);
  });

  it('says when its path is too long for a socket', async () => {
    await expect(api.start({ socketPath: join(api.directory, 'x'.repeat(120)) })).rejects.toThrow(ConfigError);
  });
});
