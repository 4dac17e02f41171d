/** Command line of the benchmark. */
import { parseArgs } from 'node:util';
import { BenchError, messageOf } from '../../common/errors.js';
import { CASE_NAMES, FAN_SIZES, HEDDLE_TEST_NAMES, TEST_NAMES, isTrafficTest } from './bench-plan.js';
import type { BenchOptions, FanSize } from './bench-plan.js';

export type ParsedArguments =
  | { readonly kind: 'run'; readonly options: BenchOptions }
  | { readonly kind: 'help' }
  | { readonly kind: 'mistake'; readonly message: string };

const DEFAULT_ROUNDS = 3;
const DEFAULT_SECONDS = 5;
const DEFAULT_MTU_BYTES = 1500;
const DEFAULT_FAN: readonly FanSize[] = [2, 16];
const LIMITS = { rounds: [1, 100], seconds: [1, 600], mtu: [1280, 9216] } as const;

export const USAGE = `Usage: npm run bench -- [options]

Measures Heddle against the bare underlay, kernel VXLAN and wireguard-go, side by side on this machine: two nodes and two
pods in network namespaces, joined by a veth pair. Ends with a table of medians and ratios, and removes everything it made.

  --rounds N          how often every case is measured, in turn with the others (default ${DEFAULT_ROUNDS})
  --seconds N         length of each TCP and UDP test, and of being idle (default ${DEFAULT_SECONDS})
  --wire              the underlay carries packets of its MTU, as a plain network card would (default)
  --no-wire           the underlay carries super-packets of 64 KiB, as only a veth can
  --threaded-napi     a kernel thread for each node takes in what the underlay brings, not the softirq of who sends
  --mtu N             MTU of the underlay, ${LIMITS.mtu[0]} to ${LIMITS.mtu[1]} (default ${DEFAULT_MTU_BYTES})
  --cases LIST        of ${CASE_NAMES.join(',')} (default all)
  --tests LIST        of ${TEST_NAMES.join(',')} (default all)
  --fan LIST          to how many peers at once fan sends, of ${FAN_SIZES.join(',')} (default ${DEFAULT_FAN.join(',')})
  --wireguard-go PATH the executable to measure (default: the newest that is installed)
  --json              print one JSON object on standard output, all else on standard error
  --help              this text

  tcp1, tcp4, tcp16  one, four and sixteen TCP streams, and what a gigabyte costs in CPU time of the whole machine
  udp64              as many 64-byte datagrams as will go, counted where they arrive
  rtt                round trip of a 64-byte datagram when nothing else is going on
  rttload            round trip of a 64-byte message over TCP while one TCP stream runs
  rttlink            the same on a link of 1 Gbit/s with a queue of 1000 packets that a stream of TCP cubic fills
  loss1              one TCP stream over a hop that loses 1 % of the underlay's packets

Of Heddle alone:
  fan                one TCP stream from one node's pod to the pod of each of several other nodes, all at the same time; for
                     comparison one stream to one of them, and none. Each node takes about 240 MiB of memory
  idle               what agent and router of a node use when nothing is sent: CPU and memory
`;

const OPTIONS = {
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  wire: { type: 'boolean', default: true },
  'threaded-napi': { type: 'boolean', default: false },
  mtu: { type: 'string' },
  cases: { type: 'string' },
  tests: { type: 'string' },
  fan: { type: 'string' },
  'wireguard-go': { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @param args without program and script */
export function parseBenchArguments(args: readonly string[]): ParsedArguments {
  try {
    const settings = { options: OPTIONS, strict: true, allowPositionals: false, allowNegative: true } as const;
    const { values } = parseArgs({ args: [...args], ...settings });
    if (values.help === true) return { kind: 'help' };
    const options = {
      rounds: wholeNumber('--rounds', values.rounds, DEFAULT_ROUNDS, LIMITS.rounds),
      seconds: wholeNumber('--seconds', values.seconds, DEFAULT_SECONDS, LIMITS.seconds),
      wire: values.wire,
      threadedNapi: values['threaded-napi'],
      mtuBytes: wholeNumber('--mtu', values.mtu, DEFAULT_MTU_BYTES, LIMITS.mtu),
      cases: chosen('--cases', values.cases, CASE_NAMES),
      tests: chosen('--tests', values.tests, TEST_NAMES),
      fan: values.fan === undefined ? DEFAULT_FAN : fanSizes(values.fan),
      wireguardGo: values['wireguard-go'] ?? null,
      json: values.json,
    };
    if (values.tests !== undefined) checkMeasurable(options);
    return { kind: 'run', options };
  } catch (thrown) {
    return { kind: 'mistake', message: messageOf(thrown) };
  }
}

function wholeNumber(
  flag: string,
  text: string | undefined,
  otherwise: number,
  [least, most]: readonly [number, number],
): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new BenchError(`${flag} "${text}" is not a number from ${least} to ${most}`);
}

/** The chosen names in their usual order, whatever the order of the list. */
function chosen<T extends string>(flag: string, list: string | undefined, names: readonly T[]): readonly T[] {
  if (list === undefined) return names;
  const words = list.split(',').map((word) => word.trim());
  const unknown = words.find((word) => !(names as readonly string[]).includes(word));
  if (unknown !== undefined) throw new BenchError(`${flag} "${unknown}" is not one of ${names.join(', ')}`);
  return names.filter((name) => words.includes(name));
}

function fanSizes(list: string): readonly FanSize[] {
  const words = chosen('--fan', list, FAN_SIZES.map(String));
  return FAN_SIZES.filter((size) => words.includes(`${size}`));
}

/** Throws {@link BenchError} when no chosen case has a chosen test. */
function checkMeasurable({ cases, tests }: Pick<BenchOptions, 'cases' | 'tests'>): void {
  const others = tests.filter((test) => !isTrafficTest(test));
  if (others.length === 0 || cases.includes('heddle')) return;
  throw new BenchError(`--tests "${others.join(',')}": ${HEDDLE_TEST_NAMES.join(' and ')} need heddle among --cases`);
}
