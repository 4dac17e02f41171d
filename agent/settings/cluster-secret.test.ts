import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadClusterSecrets, NO_CLUSTER_SECRET, parseClusterSecrets } from './cluster-secret.js';
import { addSecret, dropOldSecret, secretIdsIn } from './secret-rotation.js';
import { systemDisk } from '../../common/storage/disk.js';

const bytes = Uint8Array.from({ length: 32 }, (_, i) => i * 7);
const hex = Buffer.from(bytes).toString('hex');
const base64 = Buffer.from(bytes).toString('base64');

describe('parseClusterSecrets', () => {
  it.each([
    ['hex', hex],
    ['upper-case hex with a newline', `${hex.toUpperCase()}\n`],
    ['base64', base64],
    ['base64 without padding', base64.replace('=', '')],
    ['base64url', Buffer.from(bytes).toString('base64url')],
  ])('accepts %s', (_, text) => {
    expect(parseClusterSecrets(text, 'file')).toEqual([bytes]);
  });

  it('gives both secrets of a rotation, the older one first', () => {
    const newer = `${'1'.repeat(63)}2`;
    const secrets = parseClusterSecrets(`${hex}\n\n${newer}\n`, 'file');
    expect(secrets.map((secret) => Buffer.from(secret).toString('hex'))).toEqual([hex, newer]);
  });

  it.each([
    ['an empty file', ''],
    ['too short', hex.slice(2)],
    ['too long', `${hex}00`],
    ['a pass phrase', 'correct horse battery staple'],
    ['base64 with a stray character', `${base64.slice(0, -2)}!=`],
    ['zeros', '0'.repeat(64)],
    ['the same secret twice', `${hex}\n${base64}\n`],
    ['three secrets', `${hex}\n${'1'.repeat(63)}2\n${'1'.repeat(63)}3\n`],
  ])('refuses %s without repeating it', (_, text) => {
    const attempt = () => parseClusterSecrets(text, '/etc/heddle/cluster-secret');
    expect(attempt).toThrow('clusterSecretFile: /etc/heddle/cluster-secret');
    if (text !== '') expect(attempt).not.toThrow(text);
  });
});

describe('loadClusterSecrets', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'heddle-secret-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('reads a private file without complaint', async () => {
    const path = join(folder, 'secret');
    writeFileSync(path, hex);
    chmodSync(path, 0o600);
    expect(await loadClusterSecrets(path)).toEqual({ secrets: [bytes], isNone: false, warning: null });
  });

  it('warns about a file that every user can read', async () => {
    const path = join(folder, 'secret');
    writeFileSync(path, hex);
    chmodSync(path, 0o644);
    expect((await loadClusterSecrets(path)).warning).toContain('chmod 600');
  });

  it('is none without a file where none is needed, and that of the file where there is one', async () => {
    const path = join(folder, 'secret');
    expect((await loadClusterSecrets(path, false)).secrets).toEqual([NO_CLUSTER_SECRET]);
    writeFileSync(path, hex, { mode: 0o600 });
    expect((await loadClusterSecrets(path, false)).secrets).toEqual([bytes]);
    writeFileSync(path, 'no secret');
    await expect(loadClusterSecrets(path, false)).rejects.toThrow('does not hold a cluster secret');
  });

  it('is rotated in two steps, in a file that its owner alone can read', async () => {
    const path = join(folder, 'secret');
    writeFileSync(path, `${base64}\n`, { mode: 0o644 });
    const [old, fresh, ...more] = await addSecret(systemDisk, path);
    expect([await secretIdsIn(systemDisk, path), more]).toEqual([[old, fresh], []]);
    const { secrets } = await loadClusterSecrets(path);
    expect([secrets[0], secrets.length]).toEqual([bytes, 2]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await expect(addSecret(systemDisk, path)).rejects.toThrow('has 3 lines');
    expect(await dropOldSecret(systemDisk, path)).toEqual([fresh]);
    expect((await loadClusterSecrets(path)).secrets).toEqual([secrets[1]]);
    await expect(addSecret(systemDisk, join(folder, 'absent'))).rejects.toThrow('no secret to rotate');
  });

  it('is not read from what is no file, nor from a long one', async () => {
    const long = join(folder, 'long');
    writeFileSync(long, `${hex}\n`.repeat(1000));
    await expect(loadClusterSecrets('/dev/zero')).rejects.toThrow('/dev/zero cannot be read: /dev/zero is a device');
    await expect(loadClusterSecrets('/dev/zero', false)).rejects.toThrow('/dev/zero is a device');
    await expect(secretIdsIn(systemDisk, '/dev/zero')).rejects.toThrow('/dev/zero is a device');
    await expect(loadClusterSecrets(long)).rejects.toThrow('has 65000 bytes (expected at most 4096)');
  });

  it('says how to make the file when there is none', async () => {
    await expect(loadClusterSecrets(join(folder, 'absent'))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('openssl rand -hex 32'),
    });
  });
});
