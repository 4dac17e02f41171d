/** Command line of `npm run sim`. */
import { parseArgs } from 'node:util';
import { BenchError, messageOf } from '../../common/errors.js';
import { wholeNumber } from '../bench/whole-number.js';
import { FAILURE_KINDS, FAULT_KINDS, LIE_KINDS } from './faults/fault-kinds.js';
import type { FaultKind } from './faults/fault-kinds.js';

export interface SimOptions {
  readonly nodes: number;
  readonly minutes: number;
  /** Share of a core of each process of a node. */
  readonly cpu: number;
  /** Share of all packets that are lost, from the start to the end. */
  readonly loss: number;
  readonly faults: readonly FaultKind[];
  readonly firstSeed: number;
  readonly lastSeed: number;
  readonly workers: number;
  readonly json: boolean;
}

export type Parsed =
  | { readonly kind: 'run' | 'calibrate' | 'herd'; readonly options: SimOptions }
  | { readonly kind: 'help' }
  | { readonly kind: 'mistake'; readonly message: string };

const NUMBERS = {
  nodes: { default: 30, least: 2, most: 8000 },
  minutes: { default: 2, least: 1, most: 1440 },
  seed: { default: 1, least: 0, most: 2 ** 31 },
  workers: { default: 2, least: 1, most: 256 },
} as const;

export const USAGE = `Usage: npm run sim -- [options]

Runs whole mesh cores on a virtual clock over a seeded network, and checks what must hold at all times. The same options give
the same run. Exit codes: 0 nothing was violated, 1 something was, 2 usage.

  --nodes N         nodes of the cluster (default ${NUMBERS.nodes.default})
  --minutes M       simulated time (default ${NUMBERS.minutes.default})
  --seed S          (default ${NUMBERS.seed.default})
  --seeds FIRST-LAST  runs one simulation for each seed, in worker threads
  --workers W       threads for --seeds (default ${NUMBERS.workers.default})
  --cpu SHARE       share of a core that the agent of a node has, and its router (default 1)
  --loss SHARE      share of all packets that are lost all the time (default 0)
  --faults LIST     what fails, by name, or none (default none). all: what fails by itself,
                    ${wrapped(FAILURE_KINDS)}
                    lies: a member that has the secret and lies,
                    ${wrapped(LIE_KINDS)}
  --real-crypto     the cryptography of the product instead of a fast one of the same shape
  --calibrate       measure what events cost a node on this machine, instead of a simulation
  --herd            a node restarts, and all others want it at once: how long that takes, as one JSON object
  --json            print one JSON object
  --help            this text
`;

const OPTIONS = {
  nodes: { type: 'string' },
  minutes: { type: 'string' },
  seed: { type: 'string' },
  seeds: { type: 'string' },
  workers: { type: 'string' },
  cpu: { type: 'string' },
  loss: { type: 'string' },
  faults: { type: 'string' },
  'real-crypto': { type: 'boolean', default: false },
  calibrate: { type: 'boolean', default: false },
  herd: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @param args without program and script */
export function parseSimArguments(args: readonly string[]): Parsed {
  try {
    const { values } = parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: false });
    if (values.help === true) return { kind: 'help' };
    const number = (name: keyof typeof NUMBERS): number => wholeNumber(name, NUMBERS[name], values[name]);
    const seed = number('seed');
    const [firstSeed, lastSeed] = values.seeds === undefined ? [seed, seed] : seedRange(values.seeds);
    const options = {
      nodes: number('nodes'),
      minutes: number('minutes'),
      cpu: share('cpu', values.cpu ?? '1', 0.01, 16),
      loss: share('loss', values.loss ?? '0', 0, 0.5),
      faults: faultList(values.faults ?? 'none'),
      firstSeed,
      lastSeed,
      workers: number('workers'),
      json: values.json,
    };
    if (values.herd) return { kind: 'herd', options };
    return { kind: values.calibrate ? 'calibrate' : 'run', options };
  } catch (thrown) {
    return { kind: 'mistake', message: messageOf(thrown) };
  }
}

function seedRange(text: string): [number, number] {
  const [first, last] = (/^(\d+)-(\d+)$/.exec(text) ?? []).slice(1).map(Number);
  if (first !== undefined && last !== undefined && first <= last && last <= NUMBERS.seed.most) return [first, last];
  throw new BenchError(`--seeds "${text}" is not a range such as 1-1000`);
}

function share(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d*\.?\d+$/.test(text) && value >= least && value <= most) return value;
  throw new BenchError(`--${option} "${text}" is not a number from ${least} to ${most}`);
}

function faultList(list: string): readonly FaultKind[] {
  if (list === 'none') return [];
  const words = list.split(',').flatMap((word) => namesOf(word.trim()));
  const unknown = words.find((word) => !(FAULT_KINDS as readonly string[]).includes(word));
  if (unknown !== undefined) {
    throw new BenchError(`--faults "${unknown}" is not one of ${FAULT_KINDS.join(', ')}, all, lies, none`);
  }
  return FAULT_KINDS.filter((kind) => words.includes(kind));
}

function namesOf(word: string): readonly string[] {
  if (word === 'all') return FAILURE_KINDS;
  return word === 'lies' ? LIE_KINDS : [word];
}

/** As lines of the usage text. */
function wrapped(words: readonly string[]): string {
  const lines = [''];
  for (const word of words) {
    if (lines.at(-1)!.length + word.length > 90) lines.push('');
    lines[lines.length - 1] += `${word}, `;
  }
  return lines.join(`\n${' '.repeat(20)}`).replace(/, $/, '');
}
