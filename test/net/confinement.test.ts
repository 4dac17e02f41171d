/** Confinement of the router: what a process that is confined like it is refused, and what it looks like from outside. */
import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectAllReachable, onlyProcess, statusOfThreads, useCluster } from './cluster-fixture.js';

const USER = 65534;
const EPERM = 1;
const ENOSYS = 38;
const FILTER_MODE = '2';

function attempt(name: string) {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-confined-'));
  try {
    const args = ['dist/confined.js', folder, `${USER}`, name];
    const { stdout, signal } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    return signal ?? (JSON.parse(stdout) as { missing: string[]; errno: number });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('a process that is confined like the router', () => {
  it.each(['open', 'socket', 'signal', 'shared memory', 'typing into a terminal'])('gets an error for: %s', (name) => {
    expect(attempt(name)).toEqual({ missing: [], errno: EPERM });
  });

  it.each(['io_uring', 'a newer call'])('finds a kernel without: %s', (name) => {
    expect(attempt(name)).toEqual({ missing: [], errno: ENOSYS });
  });

  it.each(['exec', 'ptrace', 'mount', 'fork'])('is killed for: %s', (name) => {
    expect(attempt(name)).toBe('SIGSYS');
  });
});

describe('the router of a node', () => {
  const cluster = useCluster({ nodes: 2, podsPerNode: 1 });

  it('has a filter in every thread, an empty root, and memory that its user may not read', async () => {
    const node = cluster.get().nodes[0]!;
    const router = onlyProcess(node, 'router');
    expect(new Set(statusOfThreads(router, 'Seccomp'))).toEqual(new Set([FILTER_MODE]));
    expect(new Set(statusOfThreads(router, 'NoNewPrivs'))).toEqual(new Set(['1']));
    expect(readlinkSync(`/proc/${router}/root`)).toMatch(/\/empty$/);
    expect(readdirSync(`/proc/${router}/root`)).toEqual([]);
    // The kernel gives the files of a process whose memory is private to root.
    expect(statSync(`/proc/${router}/mem`).uid).toBe(0);
    expect((await node.api.status()).conditions.find(({ name }) => name === 'router-confinement')?.ok).toBe(true);
    await expectAllReachable(cluster.get());
  });
});
