/** The tarball as an operator installs it, below a folder: what is there afterwards, whether it runs, and what removal leaves. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HEDDLE_VERSION } from '../../common/version.js';

const NAME = `heddle-${HEDDLE_VERSION}-linux-${process.arch}`;
const BUILD_WITHIN_MS = 180_000;

describe('the tarball', () => {
  let scratch: string;
  let root: string;

  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), 'heddle-tarball-test-'));
    root = join(scratch, 'root');
    execFileSync(process.execPath, ['deploy/tarball/tarball.mjs', '--output', scratch], { stdio: 'pipe' });
    execFileSync('tar', ['xzf', join(scratch, `${NAME}.tar.gz`)], { cwd: scratch });
  }, BUILD_WITHIN_MS);

  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  const run = (script: string, path = process.env['PATH']!) =>
    execFileSync(script, [root], { encoding: 'utf8', stdio: 'pipe', env: { ...process.env, PATH: path } });
  const program = (name: string, ...args: string[]) =>
    execFileSync(process.execPath, [join(root, 'opt/heddle/dist', `${name}.js`), ...args], { encoding: 'utf8' });

  it('is installed, also over itself, and its programs run without the checkout', () => {
    for (let times = 0; times < 2; times += 1) run(join(scratch, NAME, 'install.sh'));
    expect(readdirSync(join(root, 'opt'))).toEqual(['heddle']);
    expect(program('meshctl', '--version')).toContain(HEDDLE_VERSION);
    expect(program('meshd', 'config', '--node-name', 'node-1')).toContain('node-1');
  });

  it('asks the Node that the unit will run, not that of the shell', () => {
    const shell = join(scratch, 'shell');
    mkdirSync(shell, { recursive: true });
    writeFileSync(join(shell, 'node'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    if (!['/usr/local/bin/node', '/usr/bin/node'].some((path) => existsSync(path))) {
      expect(() => run(join(scratch, NAME, 'install.sh'))).toThrow(/where systemd looks for it/);
      return;
    }
    expect(run(join(scratch, NAME, 'install.sh'), `${shell}:${process.env['PATH']}`)).toContain('Heddle is in');
  });

  it('has a unit that starts what is installed, and is never given up by systemd', () => {
    const unit = readFileSync(join(root, 'etc/systemd/system/heddle.service'), 'utf8');
    const [, started] = /^ExecStart=\/usr\/bin\/env node (\S+)$/m.exec(unit)!;
    expect(existsSync(join(root, started!))).toBe(true);
    expect(unit).toMatch(/^Restart=always$/m);
    expect(unit).toMatch(/^StartLimitIntervalSec=0$/m);
  });

  it('is removed without the settings', () => {
    mkdirSync(join(root, 'etc/heddle'), { recursive: true });
    writeFileSync(join(root, 'etc/heddle/config.yaml'), 'nodeName: node-1\n');
    run(join(root, 'opt/heddle/uninstall.sh'));
    const left = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory());
    expect(left.map(({ name }) => name)).toEqual(['config.yaml']);
  });

  it('has the name that docs/install.md unpacks', () => {
    const named = readFileSync('docs/install.md', 'utf8').match(/heddle-\d+\.\d+\.\d+-linux/g) ?? [];
    expect([...new Set(named)]).toEqual([`heddle-${HEDDLE_VERSION}-linux`]);
  });
});
