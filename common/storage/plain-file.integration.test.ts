import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readPlainFile, readPlainFileSync } from './plain-file.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'heddle-plain-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a file that people write', () => {
  it('is read, also through a link', async () => {
    const path = join(folder, 'file');
    writeFileSync(path, 'text', { mode: 0o640 });
    symlinkSync('file', join(folder, 'link'));
    expect(readPlainFileSync(join(folder, 'link'), 4)).toBe('text');
    const { bytes, mode } = await readPlainFile(join(folder, 'link'));
    expect([Buffer.from(bytes).toString(), mode]).toEqual(['text', 0o640]);
  });

  it('is refused when it is longer than it may be', async () => {
    const path = join(folder, 'file');
    writeFileSync(path, 'text');
    expect(() => readPlainFileSync(path, 3)).toThrow(`${path} has 4 bytes (expected at most 3)`);
    await expect(readPlainFile(path, 3)).rejects.toThrow('has 4 bytes');
  });

  it('is refused when it is a pipe, a directory or a device, without waiting for its other end or its end', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    for (const [path, kind] of [
      [join(folder, 'pipe'), 'a pipe'],
      [folder, 'a directory'],
      ['/dev/zero', 'a device'],
    ] as const) {
      expect(() => readPlainFileSync(path, 100)).toThrow(`${path} is ${kind}`);
      await expect(readPlainFile(path)).rejects.toThrow(`${path} is ${kind}`);
    }
  });
});
