/**
 * Clean-up of the demo beside a live run: from another PID namespace that shares `/run`, where the live run's process id
 * means nothing, it leaves the run alone, and removes one that has ended. Needs root.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { NetworkNamespace, removeNamespace } from '../../deploy/demo/machine/network-namespace.js';
import { RunDirectory } from '../../deploy/demo/machine/run-directory.js';

const DEMO = resolve('dist/demo.js');
const DEAD = '/run/hd00c0ffee-demo';
let run: RunDirectory;
let namespace: NetworkNamespace;

beforeAll(async () => {
  run = await RunDirectory.create();
  namespace = await NetworkNamespace.create(`${run.prefix}n1`);
  mkdirSync(DEAD);
});
afterAll(async () => {
  await removeNamespace(namespace.name);
  run.remove();
  rmSync(DEAD, { recursive: true, force: true });
});

it('removes the remains of ended runs only, also in another PID namespace', () => {
  execFileSync('unshare', ['--pid', '--fork', '--mount-proc', process.execPath, DEMO, '--clean']);
  expect(existsSync(run.path)).toBe(true);
  expect(existsSync(namespace.path)).toBe(true);
  expect(existsSync(DEAD)).toBe(false);
});
