/** What there is to measure: the cases, the tests, and the figures each test gives. Names are those of the command line. */

/** In the order in which a round runs them. */
export const CASE_NAMES = ['raw', 'vxlan', 'wireguard-go', 'heddle'] as const;
export type CaseName = (typeof CASE_NAMES)[number];

/** In the order in which a case runs them. */
export const TEST_NAMES = ['tcp1', 'tcp4', 'tcp16', 'udp64', 'rtt', 'rttload', 'loss1'] as const;
export type TestName = (typeof TEST_NAMES)[number];

export interface BenchOptions {
  readonly rounds: number;
  /** Of each test with iperf3; the others follow from it. */
  readonly seconds: number;
  /** No segmentation offload on the underlay: it carries packets of its MTU, as a plain network card. */
  readonly wire: boolean;
  /** Of the underlay. */
  readonly mtuBytes: number;
  readonly cases: readonly CaseName[];
  readonly tests: readonly TestName[];
  /** Instead of the newest `wireguard-go` on the search path. */
  readonly wireguardGo: string | null;
  readonly json: boolean;
}

export interface Figure<Name extends string = string> {
  /** Key in the JSON, with its unit. GB: 10^9 bytes of payload. */
  readonly name: Name;
  readonly test: TestName;
  readonly label: string;
  readonly decimals: number;
  /** Another figure of the same case that this one is to be seen against. */
  readonly base?: { readonly label: string; readonly figure: Name };
}

const ONE_STREAM = { label: 'one stream', figure: 'tcp1CpuSecondsPerGB' } as const;
const NO_LOSS = { label: 'itself without loss', figure: 'tcp1Gbps' } as const;

/** In the order of the table. */
const FIXED_FIGURES = [
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
  { name: 'loss1Gbps', test: 'loss1', label: 'TCP at 1 % loss, Gbit/s', decimals: 2, base: NO_LOSS },
] as const satisfies readonly Figure[];
export type FigureName = (typeof FIXED_FIGURES)[number]['name'];

export const FIGURES: readonly Figure<FigureName>[] = FIXED_FIGURES;

export type Figures = Readonly<Partial<Record<FigureName, number>>>;

/** What others took of the machine while a test ran. */
export interface Disturbance {
  readonly test: TestName;
  /** Cores that processes outside this run and the hypervisor used; null when that cannot be known. */
  readonly cores: number | null;
}

/** One case in one round. */
export interface CaseRun {
  readonly case: CaseName;
  /** From 1. */
  readonly round: number;
  /** Null when the case did not come up. */
  readonly podMtuBytes: number | null;
  readonly figures: Figures;
  readonly disturbances: readonly Disturbance[];
  /** What went wrong, in words; its figures are missing. */
  readonly problems: readonly string[];
}
