/** The command line of `npm run bench:agents`. */
import { parseArgs } from 'node:util';
import { messageOf } from '../../../common/errors.js';
import { MAX_NODES } from '../../../deploy/demo/cluster/plan.js';
import type { Parsed } from '../lab-program.js';
import { wholeNumber } from '../whole-number.js';

export interface AgentsBenchOptions {
  readonly nodes: number;
  readonly seconds: number;
  /** Time between the first ping and the measurement at rest, and before the kill. */
  readonly settleSeconds: number;
  readonly json: boolean;
}

const NUMBERS = {
  nodes: { default: 50, least: 2, most: MAX_NODES },
  seconds: { default: 20, least: 1, most: 3600 },
  settle: { default: 30, least: 0, most: 3600 },
} as const;

export const USAGE = `Usage: npm run bench:agents -- [options]

Starts a cluster of whole nodes (meshd, as installed) in network namespaces, with a pod each, and measures what all of them send
and use at rest, the time until all know of a node that was killed, and until all know it again. A node takes 200 MiB.

  --nodes N    nodes, 2 to ${MAX_NODES} (default ${NUMBERS.nodes.default})
  --seconds N  how long to measure at rest (default ${NUMBERS.seconds.default})
  --settle N   seconds to wait before it (default ${NUMBERS.settle.default})
  --json       print one JSON object on standard output, all else on standard error
  --help       this text
`;

const OPTIONS = {
  nodes: { type: 'string' },
  seconds: { type: 'string' },
  settle: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @param args without program and script */
export function parseAgentsArguments(args: readonly string[]): Parsed<AgentsBenchOptions> {
  try {
    const { values } = parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: false });
    if (values.help === true) return { kind: 'help' };
    const options = {
      nodes: wholeNumber('nodes', NUMBERS.nodes, values.nodes),
      seconds: wholeNumber('seconds', NUMBERS.seconds, values.seconds),
      settleSeconds: wholeNumber('settle', NUMBERS.settle, values.settle),
      json: values.json,
    };
    return { kind: 'run', options };
  } catch (thrown) {
    return { kind: 'mistake', message: messageOf(thrown) };
  }
}
