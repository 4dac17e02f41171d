import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadClusterSecret, NO_CLUSTER_SECRET, parseClusterSecret } from './cluster-secret.js';

const bytes = Uint8Array.from({ length: 32 }, (_, i) => i * 7);
const hex = Buffer.from(bytes).toString('hex');
const base64 = Buffer.from(bytes).toString('base64');

describe('parseClusterSecret', () => {
  it.each([
    ['hex', hex],
    ['upper-case hex with a newline', `${hex.toUpperCase()}\n`],
    ['base64', base64],
    ['base64 without padding', base64.replace('=', '')],
    ['base64url', Buffer.from(bytes).toString('base64url')],
  ])('accepts %s', (_, text) => {
    expect(parseClusterSecret(text, 'file')).toEqual(bytes);
  });

  it.each([
    ['an empty file', ''],
    ['too short', hex.slice(2)],
    ['too long', `${hex}00`],
    ['a pass phrase', 'correct horse battery staple'],
    ['base64 with a stray character', `${base64.slice(0, -2)}!=`],
    ['zeros', '0'.repeat(64)],
  ])('refuses %s without repeating it', (_, text) => {
    const attempt = () => parseClusterSecret(text, '/etc/heddle/cluster-secret');
    expect(attempt).toThrow('clusterSecretFile: /etc/heddle/cluster-secret');
    if (text !== '') expect(attempt).not.toThrow(text);
  });
});

describe('loadClusterSecret', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'heddle-secret-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('reads a private file without complaint', async () => {
    const path = join(folder, 'secret');
    writeFileSync(path, hex);
    chmodSync(path, 0o600);
    expect(await loadClusterSecret(path)).toEqual({ bytes, warning: null });
  });

  it('warns about a file that every user can read', async () => {
    const path = join(folder, 'secret');
    writeFileSync(path, hex);
    chmodSync(path, 0o644);
    expect((await loadClusterSecret(path)).warning).toContain('chmod 600');
  });

  it('is none without a file where none is needed, and that of the file where there is one', async () => {
    const path = join(folder, 'secret');
    expect((await loadClusterSecret(path, false)).bytes).toBe(NO_CLUSTER_SECRET);
    writeFileSync(path, hex, { mode: 0o600 });
    expect((await loadClusterSecret(path, false)).bytes).toEqual(bytes);
    writeFileSync(path, 'no secret');
    await expect(loadClusterSecret(path, false)).rejects.toThrow('does not hold a cluster secret');
  });

  it('says how to make the file when there is none', async () => {
    await expect(loadClusterSecret(join(folder, 'absent'))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('openssl rand -hex 32'),
    });
  });
});
