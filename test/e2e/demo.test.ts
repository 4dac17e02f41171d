import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

const START = resolve('deploy/demo/start.mjs');

/** The demo program with arguments that make no cluster. */
function demo(...args: string[]) {
  return spawnSync(process.execPath, [START, ...args], { encoding: 'utf8' });
}

describe('the demo on the command line', () => {
  it('explains itself', () => {
    const { status, stdout } = demo('--help');
    expect(status).toBe(0);
    for (const option of ['--nodes', '--pods', '--check', '--json', '--shell', '--keep-logs']) {
      expect(stdout).toContain(option);
    }
  });

  it.each([[['--bogus']], [['--nodes', '65']], [['--shell', 'pod-zz']], [['stray']]])(
    'refuses %j with its usage',
    (args) => {
      const { status, stdout, stderr } = demo(...args);
      expect(status).toBe(2);
      expect(stdout).toBe('');
      expect(stderr).toContain('Usage: npm run demo');
    },
  );
});
