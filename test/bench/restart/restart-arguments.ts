/** The command line of `npm run bench:restart`. */
import { parseArgs } from 'node:util';
import { messageOf } from '../../../common/errors.js';
import type { Parsed } from '../lab-program.js';
import { wholeNumber } from '../whole-number.js';

export interface RestartBenchOptions {
  readonly dead: number;
  readonly rounds: number;
  /** The time until the first ADD in place of that of restarts. */
  readonly firstAdd: boolean;
  readonly json: boolean;
}

const NUMBERS = {
  dead: { default: 1000, least: 0, most: 4000 },
  rounds: { default: 5, least: 1, most: 100 },
} as const;

export const USAGE = `Usage: npm run bench:restart -- [options]

Measures how long a ping between two pods on two nodes gets no reply, at 100 pings a second, when the router of one node is
killed, when its supervisor is killed and meshd started again 5 s later, and when nothing is killed and another meshd takes over.
Prints at which time after the last reply each stage was reached, by the node's log.

  --dead N      members that are known to the node and do not answer (default ${NUMBERS.dead.default})
  --first-add   measures instead the time from the start of all programs of a node until its first ADD has succeeded, and
                until it is ready with its links: after a stop, and after a stop with bridge, TAP and tables removed
  --rounds N    kills of each (default ${NUMBERS.rounds.default})
  --json        print one JSON object on standard output, all else on standard error
  --help        this text
`;

const OPTIONS = {
  dead: { type: 'string' },
  rounds: { type: 'string' },
  'first-add': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @param args without program and script */
export function parseRestartArguments(args: readonly string[]): Parsed<RestartBenchOptions> {
  try {
    const { values } = parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: false });
    if (values.help === true) return { kind: 'help' };
    const options = {
      dead: wholeNumber('dead', NUMBERS.dead, values.dead),
      rounds: wholeNumber('rounds', NUMBERS.rounds, values.rounds),
      firstAdd: values['first-add'],
      json: values.json,
    };
    return { kind: 'run', options };
  } catch (thrown) {
    return { kind: 'mistake', message: messageOf(thrown) };
  }
}
