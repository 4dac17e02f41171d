/** First minutes in a fresh clone without a network: what the user is told, and when. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const WORD_WITHIN_MS = 10_000;
/** Waits like npm for a registry that does not answer, and names one. */
const NPM = `#!/bin/sh
if [ "$1" = config ]; then echo https://registry.example; else exec sleep 60; fi
`;

describe.each(['deploy/demo/start.mjs', 'test/run.mjs'])('%s in a clone without packages', (script) => {
  let clone: string;

  beforeAll(() => {
    clone = mkdtempSync(join(tmpdir(), 'heddle-clone-'));
    for (const part of ['deploy', 'test', 'package.json', 'package-lock.json']) {
      cpSync(part, join(clone, part), { recursive: true });
    }
    mkdirSync(join(clone, 'bin'));
    writeFileSync(join(clone, 'bin', 'npm'), NPM, { mode: 0o755 });
  });

  afterAll(() => rmSync(clone, { recursive: true }));

  it(
    'says within ten seconds that it waits for the registry, and what to do',
    async () => {
      const env = { ...process.env, PATH: `${join(clone, 'bin')}:${process.env['PATH']}` };
      const child = spawn(process.execPath, [join(clone, script)], {
        env,
        stdio: ['ignore', 'ignore', 'pipe'],
        detached: true,
      });
      let said = '';
      const startedMs = performance.now();
      try {
        for await (const text of child.stderr) {
          said += String(text);
          if (said.includes('Ctrl-C')) break;
        }
        expect(performance.now() - startedMs).toBeLessThan(WORD_WITHIN_MS);
      } finally {
        process.kill(-child.pid!, 'SIGKILL');
      }
      expect(said).toContain('installing npm packages ...');
      expect(said).toContain('npm waits for https://registry.example');
    },
    2 * WORD_WITHIN_MS,
  );
});

describe.each([
  'deploy/image/image.mjs',
  'deploy/tarball/tarball.mjs',
  'deploy/release/release.mjs',
  'test/mutations/start.mjs',
  'test/bench/core/start.mjs',
])('%s', (script) => {
  const run = (option: string) => spawnSync(process.execPath, [script, option], { encoding: 'utf8' });

  it('says how it is used', () => {
    const { status, stdout, stderr } = run('--help');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^Usage: npm run /);
  });

  it('does nothing for an option that it does not know', () => {
    const { status, stdout, stderr } = run('--nonsense');
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^Usage: npm run /m);
    expect(stderr).not.toContain('    at ');
  });
});
