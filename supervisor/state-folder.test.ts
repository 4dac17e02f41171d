import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStateFolder } from './state-folder.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'heddle-state-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const modeOf = (path: string) => statSync(path).mode & 0o777;

describe('the state folder', () => {
  it('is made for its owner alone', () => {
    expect(openStateFolder(join(folder, 'a', 'b'))).toBeNull();
    expect(modeOf(join(folder, 'a', 'b'))).toBe(0o700);
  });

  it('is closed to others when it holds only what Heddle writes', () => {
    for (const name of ['identity.json', '.adverts.json.tmp', 'adverts.json.corrupt-1'])
      writeFileSync(join(folder, name), '');
    mkdirSync(join(folder, 'lost+found'));
    chmodSync(folder, 0o755);
    expect(openStateFolder(folder)).toBeNull();
    expect(modeOf(folder)).toBe(0o700);
    // On a disk that is read-only nothing can be changed.
    const changedMs = statSync(folder).ctimeMs;
    openStateFolder(folder);
    expect(statSync(folder).ctimeMs).toBe(changedMs);
  });

  it('stays as open as it is when it holds files of others too', () => {
    for (const name of ['identity.json', 'dpkg']) writeFileSync(join(folder, name), '');
    chmodSync(folder, 0o755);
    expect(openStateFolder(folder)).toBe('dpkg');
    expect(modeOf(folder)).toBe(0o755);
  });
});
