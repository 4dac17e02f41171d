import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isHeld, RunLock, runPrefixOf } from './run-lock.js';

let folder: string;
let parent: ChildProcess | null = null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'heddle-lock-'));
});

afterEach(() => {
  parent?.kill('SIGKILL');
  parent = null;
  rmSync(folder, { recursive: true, force: true });
});

/** Listens as a run does, and prints its process id. */
const HOLDER = "require('net').createServer().listen(process.argv[1], () => console.log(process.pid))";

describe('a run lock', () => {
  it('is held from take to release, under a prefix of its own, and leaves no file', async () => {
    const [one, two] = [await RunLock.take(folder), await RunLock.take(folder)];
    expect(one.prefix).not.toBe(two.prefix);
    expect(readdirSync(folder).map(runPrefixOf).sort()).toEqual([one.prefix, two.prefix].sort());
    expect(await isHeld(one.prefix, folder)).toBe(true);
    one.release();
    expect(await isHeld(one.prefix, folder)).toBe(false);
    expect(await isHeld(two.prefix, folder)).toBe(true);
    two.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is free when its process was killed, also while no parent has reaped it', async () => {
    const path = join(folder, 'hd00c0ffee-lock');
    // The shell becomes a sleep, which reaps no child.
    const script = '"$0" -e "$1" "$2" & exec sleep 60';
    parent = spawn('sh', ['-c', script, process.execPath, HOLDER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [printed] = (await once(parent.stdout!, 'data')) as [Buffer];
    const pid = Number(printed.toString());
    expect(await isHeld('hd00c0ffee-', folder)).toBe(true);
    process.kill(pid, 'SIGKILL');
    for (let looks = 0; looks < 1_000 && (await isHeld('hd00c0ffee-', folder)); looks++) await delay(5);
    expect(await isHeld('hd00c0ffee-', folder)).toBe(false);
    expect(readFileSync(`/proc/${pid}/stat`, 'utf8')).toContain(') Z ');
  });
});
