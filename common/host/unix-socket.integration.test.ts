import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListenError } from '../errors.js';
import { leaveStaleSocket } from '../testing/stale-socket.js';
import { claimSocketPath, isListening } from './unix-socket.js';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'heddle-socket-'));
  path = join(folder, 'run', 'a.sock');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a socket path', () => {
  it('that is free gets its folder made', async () => {
    await claimSocketPath(path);
    expect(existsSync(join(folder, 'run'))).toBe(true);
    expect(await isListening(path)).toBe(false);
  });

  it('that a dead process left is removed', async () => {
    await claimSocketPath(path);
    await leaveStaleSocket(path);
    expect(existsSync(path)).toBe(true);
    expect(await isListening(path)).toBe(false);
    await claimSocketPath(path);
    expect(existsSync(path)).toBe(false);
  });

  it('on which a process listens is refused', async () => {
    await claimSocketPath(path);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    expect(await isListening(path)).toBe(true);
    await expect(claimSocketPath(path)).rejects.toThrow(ListenError);
    expect(await isListening(path)).toBe(true);
    await new Promise((resolve) => server.close(resolve));
  });

  it('that is an ordinary file is refused, and the file kept', async () => {
    await claimSocketPath(path);
    writeFileSync(path, 'precious');
    await expect(claimSocketPath(path)).rejects.toThrow('is not a socket');
    expect(existsSync(path)).toBe(true);
  });
});
