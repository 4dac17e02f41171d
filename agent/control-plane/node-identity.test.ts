import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemDisk } from '../../common/storage/disk.js';
import { IdentityError } from '../../common/errors.js';
import { loadOrCreateIdentity } from './node-identity.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'heddle-identity-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

let made = 0;
const codec = {
  generate: () => `key ${++made}`,
  encode: (identity: string) => `${identity}\n`,
  decode: (text: string) => {
    if (!text.startsWith('key ')) throw new IdentityError('the key file is not valid');
    return text.trim();
  },
};

describe('loadOrCreateIdentity', () => {
  it('makes an identity once, in a file only its owner can read', async () => {
    const path = join(folder, 'state', 'identity.json');
    const first = await loadOrCreateIdentity(systemDisk, path, codec);
    expect(await loadOrCreateIdentity(systemDisk, path, codec)).toBe(first);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, 'state'))).toEqual(['identity.json']);
  });

  it('refuses a damaged file instead of becoming someone else', async () => {
    const path = join(folder, 'identity.json');
    writeFileSync(path, '');
    await expect(loadOrCreateIdentity(systemDisk, path, codec)).rejects.toMatchObject({
      code: 'IDENTITY_INVALID',
      message: `${path}: the key file is not valid; put back a copy of it, or remove it, after which the node joins as a new one`,
    });
    expect(statSync(path).size).toBe(0);
    await expect(loadOrCreateIdentity(systemDisk, folder, codec)).rejects.toMatchObject({ code: 'IDENTITY_INVALID' });
  });
});
