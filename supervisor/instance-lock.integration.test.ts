import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isListening } from '../common/host/unix-socket.js';
import { takeInstanceLock } from './instance-lock.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'heddle-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('takeInstanceLock', () => {
  it('refuses a second instance while the first one lives', async () => {
    const path = join(folder, 'meshd.sock');
    const lock = await takeInstanceLock(path);
    await expect(takeInstanceLock(path)).rejects.toMatchObject({ code: 'ALREADY_RUNNING' });
    expect(await isListening(path)).toBe(true);
    lock.release();
    expect(existsSync(path)).toBe(false);
  });

  it('is free again after release', async () => {
    const path = join(folder, 'meshd.sock');
    (await takeInstanceLock(path)).release();
    const again = await takeInstanceLock(path);
    again.release();
    expect(await isListening(path)).toBe(false);
  });

  it('replaces a file without a listener', async () => {
    const path = join(folder, 'meshd.sock');
    writeFileSync(path, 'left by a process that was killed');
    const lock = await takeInstanceLock(path);
    expect(await isListening(path)).toBe(true);
    lock.release();
  });

  it('refuses a path that is too long for a socket', async () => {
    await expect(takeInstanceLock(`/${'x'.repeat(120)}/meshd.sock`)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
