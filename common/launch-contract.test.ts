import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../test/fuzz/fuzz-runs.js';
import { DecodeError } from './errors.js';
import { parseRouterLaunchOptions } from './launch-contract.js';
import type { RouterLaunchOptions } from './launch-contract.js';

const options: RouterLaunchOptions = {
  tapFds: [3, 4, 5, 6],
  udpFds: [7, 8],
  tapName: 'heddle-tap',
  portSocket: '/run/heddle/router.sock',
  user: 65534,
  lanes: 2,
  logLevel: 'info',
  offerAes: true,
  warmUp: true,
  standsBy: false,
};

describe('the launch options of the router', () => {
  it('are parsed as they were written, without unknown fields', () => {
    expect(parseRouterLaunchOptions(JSON.stringify({ ...options, later: 1 }))).toEqual(options);
  });

  it.each<[string, Partial<Record<keyof RouterLaunchOptions, unknown>>, string]>([
    [
      'no descriptor of the TAP',
      { tapFds: [] },
      'tapFds is [], expected descriptor numbers, the same number for each lane',
    ],
    ['queues that the lanes cannot share', { tapFds: [3, 4, 5] }, 'tapFds'],
    ['a socket too few', { udpFds: [7] }, 'udpFds is [7], expected descriptor numbers, one for each lane'],
    ['a descriptor that is no number', { udpFds: [7, '8'] }, 'udpFds'],
    ['no lane', { lanes: 0 }, 'lanes is 0, expected an integer from 1 to 16'],
    ['a missing socket path', { portSocket: undefined }, 'portSocket is missing, expected a text'],
    ['a negative user', { user: -1 }, 'user is -1'],
    ['an unknown log level', { logLevel: 'loud' }, 'logLevel is "loud", expected trace'],
    ['a switch that is no boolean', { offerAes: 'yes' }, 'offerAes is "yes", expected true or false'],
  ])('are refused by name with %s', (_, change, message) => {
    const read = () => parseRouterLaunchOptions(JSON.stringify({ ...options, ...change }));
    expect(read).toThrow(DecodeError);
    expect(read).toThrow(message);
  });

  it.each(['', '{', '[]', 'null', '3'])('are refused when they are %j', (json) => {
    expect(() => parseRouterLaunchOptions(json)).toThrow(DecodeError);
  });

  it('are parsed or refused with a DecodeError for any JSON', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(() => parseRouterLaunchOptions(json)).toThrow(DecodeError);
      }),
      { numRuns: fuzzRuns(40) },
    );
  });
});
