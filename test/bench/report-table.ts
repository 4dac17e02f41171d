/** The rounds as a table for people: a row for each figure, under it the ratios to the cases that serve as measures. Pure. */
import { alignColumns } from '../../deploy/demo/tables.js';
import { FIGURES } from './bench-plan.js';
import type { CaseName, CaseRun, Figure, FigureName } from './bench-plan.js';
import { ratioOf, summarise } from './summary.js';

const MEASURES: readonly CaseName[] = ['raw', 'vxlan'];
const NOTHING = '-';

/** Empty when no case was run. Rows of tests that were left out are left out. */
export function reportTable(runs: readonly CaseRun[]): string {
  const summaries = summarise(runs);
  const names = [...summaries.keys()];
  const measured = FIGURES.filter(({ name }) => runs.some((run) => run.figures[name] !== undefined));
  const rows = measured.flatMap((figure) => {
    const medians = names.map((name) => format(summaries.get(name)?.medians[figure.name] ?? null, figure.decimals));
    return [[figure.label, ...medians], ...ratioRows(runs, names, figure)];
  });
  const mtus = names.map((name) => format(summaries.get(name)?.podMtuBytes ?? null, 0));
  return names.length === 0 ? '' : alignColumns([['', ...names], ['MTU', ...mtus], ...rows]);
}

function ratioRows(
  runs: readonly CaseRun[],
  names: readonly CaseName[],
  figure: Figure & { name: FigureName },
): string[][] {
  const measures = MEASURES.filter((measure) => names.includes(measure));
  const rows = measures.map((measure) => [
    `  x ${measure}`,
    ...names.map((name) => format(ratioOf(runs, [name, figure.name], [measure, figure.name]), 2)),
  ]);
  return figure.name === 'loss1Gbps' ? [...rows, keptRow(runs, names)] : rows;
}

function keptRow(runs: readonly CaseRun[], names: readonly CaseName[]): string[] {
  const kept = names.map((name) => ratioOf(runs, [name, 'loss1Gbps'], [name, 'tcp1Gbps']));
  return ['  x itself without loss', ...kept.map((ratio) => format(ratio, 2))];
}

function format(value: number | null, decimals: number): string {
  return value === null ? NOTHING : value.toFixed(decimals);
}
