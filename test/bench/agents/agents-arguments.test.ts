import { describe, expect, it } from '@jest/globals';
import { parseAgentsArguments } from './agents-arguments.js';

describe('the command line of the benchmark of many agents', () => {
  it('has defaults', () => {
    const options = { nodes: 50, seconds: 20, settleSeconds: 30, json: false };
    expect(parseAgentsArguments([])).toEqual({ kind: 'run', options });
  });

  it('takes every setting', () => {
    const options = { nodes: 5, seconds: 3, settleSeconds: 0, json: true };
    const args = ['--nodes', '5', '--seconds', '3', '--settle', '0', '--json'];
    expect(parseAgentsArguments(args)).toEqual({ kind: 'run', options });
    expect(parseAgentsArguments(['-h'])).toEqual({ kind: 'help' });
  });

  it.each([['--nodes', '1'], ['--nodes', '65'], ['--seconds', 'x'], ['nodes']])('refuses %j', (...args) => {
    expect(parseAgentsArguments(args)).toMatchObject({ kind: 'mistake' });
  });
});
