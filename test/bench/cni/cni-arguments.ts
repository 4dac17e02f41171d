/** The command line of `npm run bench:cni`. */
import { parseArgs } from 'node:util';
import { messageOf } from '../../../common/errors.js';
import type { Parsed } from '../lab-program.js';
import { wholeNumber } from '../whole-number.js';

export interface CniBenchOptions {
  readonly pods: number;
  readonly rounds: number;
  readonly json: boolean;
}

const NUMBERS = {
  pods: { default: 30, least: 1, most: 200 },
  rounds: { default: 5, least: 1, most: 100 },
} as const;

export const USAGE = `Usage: npm run bench:cni -- [options]

Measures how long ADD and DEL of a pod take: Heddle with addresses of both families and of IPv4 alone, and beside it the
reference plugins bridge and host-local with IPv4, which wait for duplicate address detection with IPv6. The subjects take
turns, each with one call at a time and with one per pod at once.

  --pods N      pods (default ${NUMBERS.pods.default})
  --rounds N    (default ${NUMBERS.rounds.default})
  --json        print one JSON object on standard output, all else on standard error
  --help        this text
`;

const OPTIONS = {
  pods: { type: 'string' },
  rounds: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @param args without program and script */
export function parseCniArguments(args: readonly string[]): Parsed<CniBenchOptions> {
  try {
    const { values } = parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: false });
    if (values.help === true) return { kind: 'help' };
    const options = {
      pods: wholeNumber('pods', NUMBERS.pods, values.pods),
      rounds: wholeNumber('rounds', NUMBERS.rounds, values.rounds),
      json: values.json,
    };
    return { kind: 'run', options };
  } catch (thrown) {
    return { kind: 'mistake', message: messageOf(thrown) };
  }
}
