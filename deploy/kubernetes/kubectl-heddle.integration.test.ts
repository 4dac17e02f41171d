/** The kubectl plugin, with a kubectl that prints its words. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const PLUGIN = resolve('deploy/kubernetes/kubectl-heddle');
/** Two pods run on node-1 during an upgrade. */
const KUBECTL = `#!/bin/sh
case "$*" in
*'get pods'*'spec.nodeName=node-1,'*) echo pod/heddle-a; echo pod/heddle-b ;;
*'get pods'*) ;;
*) echo "$@" ;;
esac
`;

describe('kubectl heddle', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'heddle-plugin-'));
    writeFileSync(join(folder, 'kubectl'), KUBECTL, { mode: 0o755 });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const run = (args: readonly string[], env: Record<string, string> = {}) => {
    const path = `${folder}:${process.env['PATH']}`;
    return spawnSync(PLUGIN, args, { encoding: 'utf8', input: '', env: { PATH: path, ...env } });
  };

  it('runs meshctl in any pod of the DaemonSet', () => {
    const { stdout } = run(['nodes', '-o', 'json']);
    expect(stdout).toBe('--namespace kube-system exec --stdin daemonset/heddle -- meshctl nodes -o json\n');
  });

  it('runs meshctl on a named node, in the namespace that it is told', () => {
    const { stdout } = run(['--node', 'node-1', 'status'], { HEDDLE_NAMESPACE: 'net' });
    expect(stdout).toBe('--namespace net exec --stdin pod/heddle-a -- meshctl status\n');
  });

  it('says that no pod runs on a node, or that its name is missing', () => {
    const none = run(['--node', 'node-2', 'status']);
    expect([none.status, none.stdout]).toEqual([3, '']);
    expect(none.stderr).toContain('node node-2: no pod of Heddle runs there');
    expect(run(['--node']).status).toBe(2);
  });
});
