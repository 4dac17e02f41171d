/**
 * Summary of the rounds: medians, ratios and doubts. Pure. A ratio is taken within each round, where both cases had the
 * same conditions, and the median of these is given. It may differ from the ratio of two medians.
 */
import { CASE_NAMES, FAN_SIZES, FIGURES, TEST_NAMES, fanFigureName } from './bench-plan.js';
import type { CaseName, CaseRun, FanSize, FigureName, TestName } from './bench-plan.js';
import { median } from './median.js';

/** Use of a core by others above which a figure is doubted. */
export const DISTURBING_CORES = 0.4;

export interface CaseSummary {
  readonly podMtuBytes: number | null;
  /** Null where no round gave a figure. */
  readonly medians: Readonly<Record<FigureName, number | null>>;
  readonly runs: readonly CaseRun[];
}

/** Heddle over the other case, or with several streams over itself with one; null where one of the two was left out. */
export interface HeadlineRatios {
  readonly tcp1VsWireguard: number | null;
  readonly tcp1VsVxlan: number | null;
  readonly cpuVsWireguard: number | null;
  readonly udp64VsVxlan: number | null;
  readonly rttVsVxlan: number | null;
  readonly rttLoadP99VsWireguard: number | null;
  readonly cpu4StreamsVsOne: number | null;
  readonly cpu16StreamsVsOne: number | null;
  /** With one stream to each of so many peers over one to one of them. */
  readonly cpuFanVsOne: Readonly<Record<FanSize, number | null>>;
}

/** The cases that were run, in their usual order. */
export function summarise(runs: readonly CaseRun[]): ReadonlyMap<CaseName, CaseSummary> {
  const present = CASE_NAMES.filter((name) => runs.some((run) => run.case === name));
  return new Map(present.map((name) => [name, summariseCase(runs.filter((run) => run.case === name))]));
}

export function headlineRatios(runs: readonly CaseRun[]): HeadlineRatios {
  const versus = (figure: FigureName, reference: CaseName): number | null =>
    ratioOf(runs, ['heddle', figure], [reference, figure]);
  const within = (figure: FigureName, reference: FigureName): number | null =>
    ratioOf(runs, ['heddle', figure], ['heddle', reference]);
  return {
    tcp1VsWireguard: versus('tcp1Gbps', 'wireguard-go'),
    tcp1VsVxlan: versus('tcp1Gbps', 'vxlan'),
    cpuVsWireguard: versus('tcp1CpuSecondsPerGB', 'wireguard-go'),
    udp64VsVxlan: versus('udp64Kpps', 'vxlan'),
    rttVsVxlan: versus('rttAvgUs', 'vxlan'),
    rttLoadP99VsWireguard: versus('rttloadP99Us', 'wireguard-go'),
    cpu4StreamsVsOne: within('tcp4CpuSecondsPerGB', 'tcp1CpuSecondsPerGB'),
    cpu16StreamsVsOne: within('tcp16CpuSecondsPerGB', 'tcp1CpuSecondsPerGB'),
    cpuFanVsOne: Object.fromEntries(
      FAN_SIZES.map((peers) => [
        peers,
        within(fanFigureName(peers, 'CpuSecondsPerGB'), fanFigureName(peers, 'OneCpuSecondsPerGB')),
      ]),
    ) as Record<FanSize, number | null>,
  };
}

/** Median over the rounds that have both figures; null when there is none. */
export function ratioOf(
  runs: readonly CaseRun[],
  [name, figure]: readonly [CaseName, FigureName],
  [reference, referenceFigure]: readonly [CaseName, FigureName],
): number | null {
  const ratios = runs
    .filter((run) => run.case === name)
    .map((run) => {
      const other = runs.find(({ case: other, round }) => other === reference && round === run.round);
      return (run.figures[figure] ?? NaN) / (other?.figures[referenceFigure] ?? NaN);
    });
  return median(ratios.filter(Number.isFinite));
}

/** One line for every case some of whose figures others have spoilt, and for every problem. */
export function doubtsOf(runs: readonly CaseRun[], cores: number): string[] {
  const disturbed = CASE_NAMES.flatMap((name) => {
    const tests = TEST_NAMES.map((test) => ({ test, cores: mostDisturbance(runs, name, test) }));
    const worst = tests.filter((test) => test.cores > DISTURBING_CORES).map((t) => `${t.test} ${t.cores.toFixed(1)}`);
    return worst.length === 0
      ? []
      : [`${name}: other processes used, of ${cores} cores, during ${worst.join(', ')}: the figures are worse for it`];
  });
  const problems = runs.flatMap((run) => run.problems.map((what) => `${run.case}, round ${run.round}: ${what}`));
  return [...hiddenOthers(runs), ...disturbed, ...problems];
}

function summariseCase(runs: readonly CaseRun[]): CaseSummary {
  const medians = FIGURES.map(({ name }) => {
    const values = runs.map((run) => run.figures[name]).filter((value) => value !== undefined);
    return [name, median(values)];
  });
  return {
    podMtuBytes: runs.find((run) => run.podMtuBytes !== null)?.podMtuBytes ?? null,
    medians: Object.fromEntries(medians) as Record<FigureName, number | null>,
    runs,
  };
}

function hiddenOthers(runs: readonly CaseRun[]): string[] {
  const isHidden = runs.some((run) => run.disturbances.some(({ cores }) => cores === null));
  return isHidden ? ['other processes cannot be seen from here: what they use counts as CPU of the cases'] : [];
}

function mostDisturbance(runs: readonly CaseRun[], name: CaseName, test: TestName): number {
  const all = runs.filter((run) => run.case === name).flatMap((run) => run.disturbances);
  return Math.max(0, ...all.filter((disturbance) => disturbance.test === test).map(({ cores }) => cores ?? 0));
}
