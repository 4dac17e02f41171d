import { describe, expect, it } from '@jest/globals';
import { parseCrowdArguments } from './crowd-arguments.js';

describe('the command line of the crowd benchmark', () => {
  it('has defaults', () => {
    const options = { peers: 100, seconds: 20, settleSeconds: 30, linkAmong: false, settled: false, json: false };
    expect(parseCrowdArguments([])).toEqual({ kind: 'run', options });
  });

  it('takes every setting', () => {
    const args = ['--peers', '5', '--seconds', '3', '--settle', '0', '--link-among', '--json'];
    const options = { peers: 5, seconds: 3, settleSeconds: 0, linkAmong: true, settled: false, json: true };
    expect(parseCrowdArguments(args)).toEqual({ kind: 'run', options });
    expect(parseCrowdArguments(['-h'])).toEqual({ kind: 'help' });
  });

  it('takes a settled crowd for one of members that link among each other', () => {
    expect(parseCrowdArguments(['--settled'])).toMatchObject({ options: { linkAmong: true, settled: true } });
  });

  it('gives a settled crowd more time', () => {
    expect(parseCrowdArguments(['--settled'])).toMatchObject({ options: { settleSeconds: 200 } });
    expect(parseCrowdArguments(['--settled', '--settle', '30'])).toMatchObject({ options: { settleSeconds: 30 } });
  });

  it.each([['--peers', '0'], ['--peers', '3841'], ['--seconds', 'x'], ['--colour'], ['peers']])(
    'refuses %j',
    (...args) => {
      expect(parseCrowdArguments(args)).toMatchObject({ kind: 'mistake' });
    },
  );
});
