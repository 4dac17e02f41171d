/**
 * The figures behind the curves in `docs/curves/`: what `npm run sim -- --json` and `npm run bench:crowd -- --json` printed, a row
 * for each size of a cluster. Pure.
 */
import { BenchError } from '../../common/errors.js';

/** A node at rest. Units as in the report of `npm run sim`. */
export interface RestRow {
  readonly nodes: number;
  readonly restBytesPerSecond: number;
  readonly restDatagramsPerSecond: number;
  /** Of a core, 0 to 1. */
  readonly cpuShare: number;
}

/** A simulation without faults. */
export interface SimulationRow extends RestRow {
  readonly minutes: number;
  /** Null where not all knew within the run. */
  readonly startMs: number | null;
  readonly joinAllMs: number | null;
  readonly detectMs: number | null;
}

/** Of a real node of a cluster whose other nodes a crowd plays; agent and router together. */
export interface CrowdRow {
  readonly peers: number;
  /** Of one core. */
  readonly cpuPercent: number;
  readonly rssMiB: number;
  readonly pssMiB: number;
}

export interface Figures {
  readonly simulation: readonly SimulationRow[];
  /** The same measures with a link to every member (ADR 0010), recorded by hand when there was such a version. */
  readonly linkedToAll: readonly RestRow[];
  readonly crowd: readonly CrowdRow[];
  /** The same when the router reported the counters of all peers each second (before ADR 0042), recorded by hand then. */
  readonly crowdBefore: readonly CrowdRow[];
}

const MIB = 2 ** 20;

/**
 * Takes one printed object into the figures; a row of the same size is replaced.
 * @param name of the file that it was read from, for errors
 * @throws BenchError when it is neither of the two reports, or that of a run with violations
 */
export function withReport(figures: Figures, report: unknown, name: string): Figures {
  const field = fieldsOf(report, name);
  if ('restBytesPerSecond' in field) {
    if (field['violations'] !== 0) throw new BenchError(`${name}: a run with violations says nothing about costs`);
    return { ...figures, simulation: bySize(figures.simulation, simulationRow(field, name), ({ nodes }) => nodes) };
  }
  if ('agentAndRouter' in field) {
    if (field['linkAmong'] !== true) throw new BenchError(`${name}: a crowd without --link-among is no cluster`);
    return { ...figures, crowd: bySize(figures.crowd, crowdRow(field, name), ({ peers }) => peers) };
  }
  throw new BenchError(`${name}: neither a report of npm run sim nor one of npm run bench:crowd`);
}

function simulationRow(field: Readonly<Record<string, unknown>>, name: string): SimulationRow {
  const number = (key: string): number => numberIn(field, key, name);
  const time = (key: string): number | null => (field[key] === null ? null : number(key));
  return {
    nodes: number('nodes'),
    minutes: number('minutes'),
    startMs: time('startMs'),
    joinAllMs: time('joinAllMs'),
    detectMs: time('detectMs'),
    restBytesPerSecond: number('restBytesPerSecond'),
    restDatagramsPerSecond: number('restDatagramsPerSecond'),
    cpuShare: number('cpuShare'),
  };
}

function crowdRow(field: Readonly<Record<string, unknown>>, name: string): CrowdRow {
  const both = fieldsOf(field['agentAndRouter'], name);
  return {
    peers: numberIn(field, 'peers', name),
    cpuPercent: rounded(numberIn(both, 'cpuPercent', name)),
    rssMiB: rounded(numberIn(both, 'rss', name) / MIB),
    pssMiB: rounded(numberIn(both, 'pss', name) / MIB),
  };
}

function fieldsOf(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new BenchError(`${name}: not a JSON object`);
  return value as Readonly<Record<string, unknown>>;
}

function numberIn(field: Readonly<Record<string, unknown>>, key: string, name: string): number {
  const value = field[key];
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new BenchError(`${name}: ${key} is not a number`);
  return value;
}

function bySize<Row>(rows: readonly Row[], row: Row, size: (row: Row) => number): Row[] {
  return [...rows.filter((other) => size(other) !== size(row)), row].sort((a, b) => size(a) - size(b));
}

function rounded(value: number): number {
  return Number(value.toFixed(2));
}
