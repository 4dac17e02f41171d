/** Table of the rounds: a row for each figure, under it the ratios to the reference cases. Pure. */
import { alignColumns } from '../../deploy/demo/terminal/columns.js';
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

/** Ratios to the reference cases and to the figure's base, as far as they exist. */
function ratioRows(
  runs: readonly CaseRun[],
  names: readonly CaseName[],
  { name: figure, base }: Figure<FigureName>,
): string[][] {
  const row = (label: string, reference: (name: CaseName) => readonly [CaseName, FigureName]): string[][] => {
    const ratios = names.map((name) => ratioOf(runs, [name, figure], reference(name)));
    const isEmpty = ratios.every((ratio) => ratio === null);
    return isEmpty ? [] : [[`  x ${label}`, ...ratios.map((ratio) => format(ratio, 2))]];
  };
  return [
    ...MEASURES.flatMap((measure) => row(measure, () => [measure, figure])),
    ...(base === undefined ? [] : row(base.label, (name) => [name, base.figure])),
  ];
}

function format(value: number | null, decimals: number): string {
  return value === null ? NOTHING : value.toFixed(decimals);
}
