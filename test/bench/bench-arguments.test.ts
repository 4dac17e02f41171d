import { describe, expect, it } from '@jest/globals';
import { USAGE, parseBenchArguments } from './bench-arguments.js';
import { CASE_NAMES, TEST_NAMES } from './bench-plan.js';

const DEFAULTS = {
  rounds: 3,
  seconds: 5,
  wire: true,
  threadedNapi: false,
  mtuBytes: 1500,
  cases: CASE_NAMES,
  tests: TEST_NAMES,
  fan: [2, 16],
  wireguardGo: null,
  json: false,
};

describe('parseBenchArguments', () => {
  it('measures everything three times in wire mode unless told otherwise', () => {
    expect(parseBenchArguments([])).toEqual({ kind: 'run', options: DEFAULTS });
  });

  it('takes every option', () => {
    const numbers = ['--rounds', '1', '--seconds=2', '--mtu', '9000'];
    const args = [
      ...numbers,
      '--no-wire',
      '--threaded-napi',
      '--json',
      '--tests',
      'rtt',
      '--fan',
      '8',
      '--wireguard-go',
      '/opt/wireguard-go',
    ];
    expect(parseBenchArguments(args)).toEqual({
      kind: 'run',
      options: {
        ...DEFAULTS,
        rounds: 1,
        seconds: 2,
        mtuBytes: 9000,
        wire: false,
        threadedNapi: true,
        json: true,
        tests: ['rtt'],
        fan: [8],
        wireguardGo: '/opt/wireguard-go',
      },
    });
  });

  it('keeps the usual order of cases and tests, and each once', () => {
    const parsed = parseBenchArguments(['--cases', 'heddle, raw,heddle', '--tests', 'loss1,tcp1', '--fan', '16,2,16']);
    expect(parsed).toMatchObject({ options: { cases: ['raw', 'heddle'], tests: ['tcp1', 'loss1'], fan: [2, 16] } });
  });

  it('measures the cases that are chosen by the tests they have', () => {
    expect(parseBenchArguments(['--cases', 'raw'])).toMatchObject({ kind: 'run' });
    expect(parseBenchArguments(['--tests', 'fan,idle'])).toMatchObject({ kind: 'run' });
  });

  it.each([
    [['--rounds', '0'], '--rounds "0" is not a number from 1 to 100'],
    [['--seconds', '1.5'], '--seconds "1.5"'],
    [['--mtu', '600'], '1280 to 9216'],
    [['--cases', 'heddle,flannel'], '--cases "flannel" is not one of raw, vxlan'],
    [['--tests', ''], '--tests ""'],
    [['--fan', '2,3'], '--fan "3" is not one of 2, 4, 8, 16'],
    [['--fan', ''], '--fan ""'],
    [['--cases', 'raw', '--tests', 'tcp1,fan'], '--tests "fan": fan and idle need heddle among --cases'],
    [['--bogus'], '--bogus'],
    [['stray'], 'stray'],
  ])('refuses %j and says why', (args, reason) => {
    const parsed = parseBenchArguments(args);
    expect(parsed.kind === 'mistake' && parsed.message).toContain(reason);
  });

  it('gives help before anything else, which names every case and test', () => {
    expect(parseBenchArguments(['--help', '--rounds', '3'])).toEqual({ kind: 'help' });
    for (const name of [...CASE_NAMES, ...TEST_NAMES]) expect(USAGE).toContain(name);
  });
});
