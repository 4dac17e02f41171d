/** Plan of the benchmark: cases, tests, and the figures of each test. Names are those of the command line. */
import type { ProcessorUse } from './processor-time.js';

/** In the order in which a round runs them. */
export const CASE_NAMES = ['raw', 'vxlan', 'wireguard-go', 'heddle'] as const;
export type CaseName = (typeof CASE_NAMES)[number];

/** Of every case, between two pods. In the order in which a case runs them. */
export const TRAFFIC_TEST_NAMES = ['tcp1', 'tcp4', 'tcp16', 'udp64', 'rtt', 'rttload', 'rttlink', 'loss1'] as const;
export type TrafficTestName = (typeof TRAFFIC_TEST_NAMES)[number];
/** Tests of Heddle alone, which run last. */
export const HEDDLE_TEST_NAMES = ['fan', 'idle'] as const;
export type HeddleTestName = (typeof HEDDLE_TEST_NAMES)[number];
export const TEST_NAMES = [...TRAFFIC_TEST_NAMES, ...HEDDLE_TEST_NAMES] as const;
export type TestName = TrafficTestName | HeddleTestName;

/** Numbers of peers that `fan` can send to. */
export const FAN_SIZES = [2, 4, 8, 16] as const;
export type FanSize = (typeof FAN_SIZES)[number];

export interface BenchOptions {
  readonly rounds: number;
  /** Seconds of each iperf3 test and of the idle test. The other tests derive theirs from it. */
  readonly seconds: number;
  /** No segmentation offload on the underlay: it carries packets of its MTU, as a plain network card. */
  readonly wire: boolean;
  /** A kernel thread takes in what the underlay brings. */
  readonly threadedNapi: boolean;
  /** Of the underlay. */
  readonly mtuBytes: number;
  readonly cases: readonly CaseName[];
  readonly tests: readonly TestName[];
  /** Each with nodes of its own. */
  readonly fan: readonly FanSize[];
  /** Instead of the newest `wireguard-go` on the search path. */
  readonly wireguardGo: string | null;
  readonly json: boolean;
}

export interface Figure<Name extends string = string> {
  /** Key in the JSON, with its unit. GB: 10^9 bytes of payload. */
  readonly name: Name;
  readonly test: TestName;
  /** Of `fan`: the size it is measured with. */
  readonly peers?: FanSize;
  readonly label: string;
  readonly decimals: number;
  /** Another figure of the same case, to which a ratio is shown. */
  readonly base?: { readonly label: string; readonly figure: Name };
}

const ONE_STREAM = { label: 'one stream', figure: 'tcp1CpuSecondsPerGB' } as const;
const NO_LOSS = { label: 'itself without loss', figure: 'tcp1Gbps' } as const;

const TRAFFIC_FIGURES = [
  { name: 'tcp1Gbps', test: 'tcp1', label: 'TCP, 1 stream, Gbit/s', decimals: 2 },
  { name: 'tcp1CpuSecondsPerGB', test: 'tcp1', label: 'CPU of it, s/GB', decimals: 2 },
  { name: 'tcp4Gbps', test: 'tcp4', label: 'TCP, 4 streams, Gbit/s', decimals: 2 },
  { name: 'tcp4CpuSecondsPerGB', test: 'tcp4', label: 'CPU of it, s/GB', decimals: 2, base: ONE_STREAM },
  { name: 'tcp16Gbps', test: 'tcp16', label: 'TCP, 16 streams, Gbit/s', decimals: 2 },
  { name: 'tcp16CpuSecondsPerGB', test: 'tcp16', label: 'CPU of it, s/GB', decimals: 2, base: ONE_STREAM },
  { name: 'udp64Kpps', test: 'udp64', label: 'UDP, 64 bytes, received kpps', decimals: 1 },
  { name: 'rttAvgUs', test: 'rtt', label: 'round trip, average, us', decimals: 0 },
  { name: 'rttP50Us', test: 'rtt', label: 'round trip, p50, us', decimals: 0 },
  { name: 'rttP99Us', test: 'rtt', label: 'round trip, p99, us', decimals: 0 },
  { name: 'rttloadP50Us', test: 'rttload', label: 'round trip under load, p50, us', decimals: 0 },
  { name: 'rttloadP99Us', test: 'rttload', label: 'round trip under load, p99, us', decimals: 0 },
  { name: 'rttlinkP50Us', test: 'rttlink', label: 'round trip on a full 1 Gbit/s link, p50, us', decimals: 0 },
  { name: 'rttlinkP99Us', test: 'rttlink', label: 'round trip on a full 1 Gbit/s link, p99, us', decimals: 0 },
  { name: 'loss1Gbps', test: 'loss1', label: 'TCP at 1 % loss, Gbit/s', decimals: 2, base: NO_LOSS },
] as const satisfies readonly Figure[];
const IDLE_FIGURES = [
  { name: 'idleCorePercent', test: 'idle', label: 'idle node, agent and router, % of a core', decimals: 2 },
  { name: 'idleResidentMiB', test: 'idle', label: 'memory of both, MiB', decimals: 0 },
] as const satisfies readonly Figure[];

/** Of the same nodes, `Idle...`: before anything is sent, and `One...`: with one stream to one of the peers. */
type FanQuantity =
  | 'IdleCores'
  | 'OneGbps'
  | 'OneCpuSecondsPerGB'
  | 'OneSenderCpuSecondsPerGB'
  | 'Gbps'
  | 'CpuSecondsPerGB'
  | 'SenderCpuSecondsPerGB'
  | 'LeastSharePercent'
  | 'MostSharePercent'
  | 'JainIndex';
type FanFigureName = `fan${FanSize}${FanQuantity}`;
export type FigureName =
  (typeof TRAFFIC_FIGURES)[number]['name'] | FanFigureName | (typeof IDLE_FIGURES)[number]['name'];

/** In the order of the table. */
export const FIGURES: readonly Figure<FigureName>[] = [
  ...TRAFFIC_FIGURES,
  ...FAN_SIZES.flatMap(fanFigures),
  ...IDLE_FIGURES,
];

export type Figures = Readonly<Partial<Record<FigureName, number>>>;

/** Use of the machine by other processes during a test. */
export interface Disturbance {
  readonly test: TestName;
  /** Cores used by processes outside this run and by the hypervisor; null when unknown. */
  readonly cores: number | null;
}

/** One case in one round. */
export interface CaseRun {
  readonly case: CaseName;
  /** From 1. */
  readonly round: number;
  /** Null when the case could not be started. */
  readonly podMtuBytes: number | null;
  readonly figures: Figures;
  readonly disturbances: readonly Disturbance[];
  /** Errors as text. Their figures are missing. */
  readonly problems: readonly string[];
}

/** Figures and disturbance of one measurement. */
export interface TestResult {
  readonly figures: Figures;
  readonly use: ProcessorUse;
}

export function fanFigureName(peers: FanSize, quantity: FanQuantity): FanFigureName {
  return `fan${peers}${quantity}`;
}

/** The chosen tests that the case has. */
export function testsOf(name: CaseName, tests: readonly TestName[]): readonly TestName[] {
  return name === 'heddle' ? tests : tests.filter(isTrafficTest);
}

export function isTrafficTest(test: TestName): test is TrafficTestName {
  return (TRAFFIC_TEST_NAMES as readonly TestName[]).includes(test);
}

/** Figures of a complete run of the case. */
export function figuresOf(name: CaseName, options: Pick<BenchOptions, 'tests' | 'fan'>): readonly Figure<FigureName>[] {
  const tests = testsOf(name, options.tests);
  return FIGURES.filter(
    ({ test, peers }) => tests.includes(test) && (peers === undefined || options.fan.includes(peers)),
  );
}

function fanFigures(peers: FanSize): Figure<FigureName>[] {
  const figure = (quantity: FanQuantity, label: string, decimals: number): Figure<FigureName> => ({
    name: fanFigureName(peers, quantity),
    test: 'fan',
    peers,
    label,
    decimals,
  });
  const base = (quantity: FanQuantity): Pick<Figure<FigureName>, 'base'> => ({
    base: { label: 'one peer', figure: fanFigureName(peers, quantity) },
  });
  return [
    figure('IdleCores', `the ${1 + peers} nodes idle, cores`, 2),
    figure('OneGbps', `TCP to one of ${peers} peers, Gbit/s`, 2),
    figure('OneCpuSecondsPerGB', 'CPU of it, s/GB', 2),
    figure('OneSenderCpuSecondsPerGB', 'of that the sending router, s/GB', 2),
    { ...figure('Gbps', `TCP to ${peers} peers at once, Gbit/s`, 2), ...base('OneGbps') },
    { ...figure('CpuSecondsPerGB', 'CPU of it, s/GB', 2), ...base('OneCpuSecondsPerGB') },
    {
      ...figure('SenderCpuSecondsPerGB', 'of that the sending router, s/GB', 2),
      ...base('OneSenderCpuSecondsPerGB'),
    },
    figure('LeastSharePercent', 'smallest share of a peer, %', 1),
    figure('MostSharePercent', 'largest share of a peer, %', 1),
    figure('JainIndex', "Jain's fairness index", 3),
  ];
}
