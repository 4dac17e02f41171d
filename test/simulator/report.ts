/** Report of simulations: one object, or lines for people. */
import type { SimOptions } from './sim-arguments.js';
import type { FirstPacketTimes } from './checks/first-packets.js';
import type { Figures, RunOutcome } from './run.js';

/** A seed that violated something, with the fewest faults that still do. */
export interface Failure {
  readonly seed: number;
  readonly violations: readonly { readonly invariant: string; readonly atMs: number; readonly text: string }[];
  readonly faults: readonly string[];
  /** Mermaid text. */
  readonly diagram: string | null;
}

export interface Report extends Figures {
  readonly nodes: number;
  readonly minutes: number;
  readonly seeds: number;
  readonly wallSeconds: number;
  readonly failures: readonly Failure[];
}

/** Of several seeds the worst of each figure, and the sum of what is counted. */
export function reportOf(
  { nodes, minutes }: SimOptions,
  outcomes: readonly RunOutcome[],
  failures: readonly Failure[],
  wallSeconds: number,
): Report {
  const sum = (value: (outcome: RunOutcome) => number): number => outcomes.reduce((total, o) => total + value(o), 0);
  const worst = (value: (outcome: RunOutcome) => number): number => Math.max(...outcomes.map(value));
  const worstTime = (value: (outcome: RunOutcome) => number | null): number | null =>
    outcomes.some((outcome) => value(outcome) === null) ? null : worst((outcome) => value(outcome) ?? 0);
  return {
    ...{ nodes, minutes, seeds: outcomes.length },
    violations: sum(({ violations }) => violations),
    startMs: worstTime(({ startMs }) => startMs),
    join999Ms: worstTime(({ join999Ms }) => join999Ms),
    joinAllMs: worstTime(({ joinAllMs }) => joinAllMs),
    detectMs: worstTime(({ detectMs }) => detectMs),
    revokeMs: worstTime(({ revokeMs }) => revokeMs),
    restBytesPerSecond: worst(({ restBytesPerSecond }) => restBytesPerSecond),
    restDatagramsPerSecond: worst(({ restDatagramsPerSecond }) => restDatagramsPerSecond),
    agentMiB: worst(({ agentMiB }) => agentMiB),
    cpuShare: worst(({ cpuShare }) => cpuShare),
    handshakesPerLink: worst(({ handshakesPerLink }) => handshakesPerLink),
    falseDeaths: sum(({ falseDeaths }) => falseDeaths),
    links: worst(({ links }) => links),
    eventsLost: sum(({ eventsLost }) => eventsLost),
    frames: {
      sent: sum(({ frames }) => frames.sent),
      arrived: sum(({ frames }) => frames.arrived),
      refused: sum(({ frames }) => frames.refused),
    },
    trace: outcomes.length === 1 ? outcomes[0]!.trace : '',
    firstPacketMs: worstFirstPackets(outcomes),
    firstPacketsLost: sum(({ firstPacketsLost }) => firstPacketsLost),
    wallSeconds: Number(wallSeconds.toFixed(1)),
    failures,
  };
}

function worstFirstPackets(outcomes: readonly RunOutcome[]): FirstPacketTimes | null {
  const times = outcomes.flatMap(({ firstPacketMs }) => firstPacketMs ?? []);
  if (times.length === 0) return null;
  return { p50: Math.max(...times.map(({ p50 }) => p50)), p99: Math.max(...times.map(({ p99 }) => p99)) };
}

export function describe(report: Report): string {
  const { failures, frames, firstPacketMs, ...figures } = report;
  const lines = Object.entries(figures).map(([name, value]) => `${name.padEnd(24)} ${value ?? 'never'}`);
  const traffic = `${frames.sent} sent, ${frames.arrived} arrived, ${frames.refused} refused`;
  const first = firstPacketMs === null ? 'none' : `p50 ${firstPacketMs.p50}, p99 ${firstPacketMs.p99}`;
  const more = [`${'firstPacketMs'.padEnd(24)} ${first}`, `${'frames'.padEnd(24)} ${traffic}`];
  return [...lines, ...more, ...failures.map(describeFailure), ''].join('\n');
}

function describeFailure({ seed, violations, faults, diagram }: Failure): string {
  const found = violations.map(
    ({ atMs, text, invariant }) => `  ${(atMs / 1000).toFixed(1)} s: ${text} (${invariant})`,
  );
  const left = faults.length === 0 ? ['  without any fault'] : faults.map((fault) => `  ${fault}`);
  return [`\nseed ${seed}`, ...found, 'with the faults', ...left, ...(diagram === null ? [] : ['', diagram])].join(
    '\n',
  );
}
