/** The command line of `npm run bench:policy`. */
import { parseArgs } from 'node:util';
import { messageOf } from '../../../common/errors.js';
import type { Parsed } from '../lab-program.js';
import { wholeNumber } from '../whole-number.js';
import type { ClusterSize } from './large-cluster.js';

export interface PolicyBenchOptions {
  readonly size: ClusterSize;
  readonly localPods: number;
}

const NUMBERS = {
  pods: { default: 10_000, least: 1, most: 30_000 },
  namespaces: { default: 1000, least: 1, most: 10_000 },
  policies: { default: 5000, least: 1, most: 100_000 },
  local: { default: 110, least: 1, most: 1000 },
} as const;

export const USAGE = `Usage: npm run bench:policy -- [options]

Measures what network policies of a large cluster cost one node: reading and compiling all, one change, memory, and the table in
the kernel. Throughput and connections of two pods are measured beside those with 10 policies.

  --pods N         pods of the cluster (default ${NUMBERS.pods.default})
  --namespaces N   (default ${NUMBERS.namespaces.default})
  --policies N     (default ${NUMBERS.policies.default})
  --local N        pods of the node (default ${NUMBERS.local.default})
  --help           this text
`;

const OPTIONS = {
  pods: { type: 'string' },
  namespaces: { type: 'string' },
  policies: { type: 'string' },
  local: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @param args without program and script */
export function parsePolicyArguments(args: readonly string[]): Parsed<PolicyBenchOptions> {
  try {
    const { values } = parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: false });
    if (values.help === true) return { kind: 'help' };
    const number = (name: keyof typeof NUMBERS) => wholeNumber(name, NUMBERS[name], values[name]);
    const size = { pods: number('pods'), namespaces: number('namespaces'), policies: number('policies') };
    return { kind: 'run', options: { size, localPods: number('local') } };
  } catch (thrown) {
    return { kind: 'mistake', message: messageOf(thrown) };
  }
}
