import { describe, expect, it } from '@jest/globals';
import { parseDemoArguments } from './demo-arguments.js';

const DEFAULTS = { nodes: 3, podsPerNode: 2, check: false, json: false, shell: null, keepLogs: false };

describe('parseDemoArguments', () => {
  it('gives three nodes with two pods by default', () => {
    expect(parseDemoArguments([])).toEqual({ kind: 'run', options: DEFAULTS });
  });

  it('takes every option', () => {
    const args = ['--nodes', '5', '--pods=4', '--check', '--json', '--keep-logs'];
    const options = { nodes: 5, podsPerNode: 4, check: true, json: true, shell: null, keepLogs: true };
    expect(parseDemoArguments(args)).toEqual({ kind: 'run', options });
    expect(parseDemoArguments(['--shell', 'pod-f'])).toEqual({ kind: 'run', options: { ...DEFAULTS, shell: 'pod-f' } });
  });

  it.each([
    [['--nodes', '0'], '--nodes is "0"'],
    [['--nodes', '65'], '1 to 64'],
    [['--nodes', '2.5'], '--nodes'],
    [['--nodes', '0x2'], '--nodes'],
    [['--pods', ''], '--pods'],
    [['--bogus'], '--bogus'],
    [['stray'], 'stray'],
    [['--shell', 'pod-g'], 'pod-g'],
    [['--shell', 'pod-a', '--check'], '--shell'],
  ])('refuses %j and says why', (args, reason) => {
    const parsed = parseDemoArguments(args);
    expect(parsed.kind === 'mistake' && parsed.message).toContain(reason);
  });

  it('gives help before any error', () => {
    expect(parseDemoArguments(['--help', '--nodes', '99'])).toEqual({ kind: 'help' });
  });

  it('breaks the running demo and joins its nodes', () => {
    expect(parseDemoArguments(['--break', 'link', 'n1', 'n2'])).toEqual({ kind: 'break', words: ['link', 'n1', 'n2'] });
    expect(parseDemoArguments(['--node', 'n1'])).toEqual({ kind: 'join', node: 'n1' });
  });

  it('sees that npm took an option because of a forgotten --', () => {
    const parsed = parseDemoArguments(['5'], { npm_config_nodes: 'true' });
    expect(parsed.kind === 'mistake' && parsed.message).toContain('write npm run demo -- --nodes');
  });

  it('cleans with --clean', () => {
    expect(parseDemoArguments(['--clean'])).toEqual({ kind: 'clean' });
  });
});
