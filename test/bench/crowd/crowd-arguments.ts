/** The command line of `npm run bench:crowd`. */
import { parseArgs } from 'node:util';
import { messageOf } from '../../../common/errors.js';
import { MAX_CROWD } from '../../crowd/crowd-plan.js';
import type { Parsed } from '../lab-program.js';
import { wholeNumber } from '../whole-number.js';

export interface CrowdBenchOptions {
  readonly peers: number;
  readonly seconds: number;
  /** Time between the last link that came up and the first reading. */
  readonly settleSeconds: number;
  readonly linkAmong: boolean;
  readonly settled: boolean;
  readonly json: boolean;
}

const NUMBERS = {
  peers: { default: 100, least: 1, most: MAX_CROWD },
  seconds: { default: 20, least: 1, most: 3600 },
  settle: { default: 30, least: 0, most: 3600 },
} as const;
/**
 * Default of `--settle` for a settled crowd: its members that run have new adverts, and few of those that they compare with
 * gossip (`test/crowd/settled-crowd.ts`), so it takes minutes until they agree.
 */
const SETTLED_SECONDS = 200;

export const USAGE = `Usage: npm run bench:crowd -- [options]

Starts one node (meshd, as installed) in a network namespace, and in another one a crowd: a process that plays many nodes with
the real mesh core. When its links are up it measures what the idle node costs: memory by kind and processor time by process.
Members that do not hear of each other all take the node for their neighbour, so it has a link to each.

  --peers N     nodes in the crowd, up to ${MAX_CROWD} (default ${NUMBERS.peers.default})
  --seconds N   how long to measure (default ${NUMBERS.seconds.default})
  --settle N    seconds to wait between the last link and the measurement (default ${NUMBERS.settle.default}; with --settled
                ${SETTLED_SECONDS}, in which the members that run agree on their adverts)
  --link-among  the members take part in gossip and link with their neighbours, as in a cluster: so does the node
  --settled     as --link-among, in a cluster that has run for long: of the members only the neighbours of the node and
                theirs run, all others are known by their adverts; for thousands
  --json        print one JSON object on standard output, all else on standard error
  --help        this text
`;

const OPTIONS = {
  peers: { type: 'string' },
  seconds: { type: 'string' },
  settle: { type: 'string' },
  'link-among': { type: 'boolean', default: false },
  settled: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @param args without program and script */
export function parseCrowdArguments(args: readonly string[]): Parsed<CrowdBenchOptions> {
  try {
    const { values } = parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: false });
    if (values.help === true) return { kind: 'help' };
    const settle = values.settled ? { ...NUMBERS.settle, default: SETTLED_SECONDS } : NUMBERS.settle;
    const options = {
      peers: wholeNumber('peers', NUMBERS.peers, values.peers),
      seconds: wholeNumber('seconds', NUMBERS.seconds, values.seconds),
      settleSeconds: wholeNumber('settle', settle, values.settle),
      linkAmong: values['link-among'] || values.settled,
      settled: values.settled,
      json: values.json,
    };
    return { kind: 'run', options };
  } catch (thrown) {
    return { kind: 'mistake', message: messageOf(thrown) };
  }
}
