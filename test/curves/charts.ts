/** The curves of `docs/curves/` as SVG, drawn by Vega-Lite without a browser. The same figures give the same bytes. */
import { parse, View } from 'vega';
import { compile } from 'vega-lite';
import type { TopLevelSpec } from 'vega-lite';
import type { UnitSpec } from 'vega-lite/types_unstable/spec/index.js';
import type { CrowdRow, Figures, RestRow } from './figures.js';

interface Point {
  readonly size: number;
  readonly value: number;
  /** What the line shows: its place in the legend. */
  readonly line: string;
}

interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly points: readonly Point[];
  /** The most that it may be, as a dashed line. */
  readonly limit?: number;
}

/** Marked on the axis. */
const SIZES = [10, 30, 100, 300, 1000, 3000];
const BEFORE = 'a link to every member';
const NOW = 'at most 16 neighbours';
const REPORTS_BEFORE = 'counters of all peers each second';
const REPORTS_NOW = 'counters of peers that changed';

/** @returns names of files, and their content */
export async function drawCurves(figures: Figures): Promise<Readonly<Record<string, string>>> {
  return {
    'rest.svg': await draw('nodes', restPanels(figures)),
    'news.svg': await draw('nodes', [newsPanel(figures)]),
    'crowd.svg': await draw('peers', crowdPanels(figures)),
  };
}

/** What a node at rest sends and uses. */
function restPanels({ simulation, linkedToAll }: Figures): Panel[] {
  const both = (value: (row: RestRow) => number): Point[] => [
    ...simulation.map((row) => ({ size: row.nodes, value: value(row), line: NOW })),
    ...linkedToAll.map((row) => ({ size: row.nodes, value: value(row), line: BEFORE })),
  ];
  return [
    { title: 'Sent at rest', unit: 'KiB/s', points: both((row) => row.restBytesPerSecond / 1024), limit: 10 },
    { title: 'Sent at rest', unit: 'datagrams/s', points: both((row) => row.restDatagramsPerSecond), limit: 60 },
    { title: 'Processor at rest', unit: '% of a core', points: both((row) => row.cpuShare * 100), limit: 3 },
  ];
}

/** How long until all know of a change. A node that was not known to all within the run has no point. */
function newsPanel({ simulation }: Figures): Panel {
  const line = (name: string, key: 'startMs' | 'joinAllMs' | 'detectMs'): Point[] =>
    simulation.flatMap((row) => {
      const ms = row[key];
      return ms === null ? [] : [{ size: row.nodes, value: ms / 1000, line: name }];
    });
  const points = [
    ...line('all know all after a start of all', 'startMs'),
    ...line('a node that joins is known to all', 'joinAllMs'),
    ...line('a node that died is down for all', 'detectMs'),
  ];
  return { title: 'Until all know', unit: 's', points };
}

/** What a real node costs. */
function crowdPanels({ crowd, crowdBefore }: Figures): Panel[] {
  const points = (value: (row: CrowdRow) => number): Point[] => [
    ...crowd.map((row) => ({ size: row.peers, value: value(row), line: REPORTS_NOW })),
    ...crowdBefore.map((row) => ({ size: row.peers, value: value(row), line: REPORTS_BEFORE })),
  ];
  return [
    { title: 'Processor, idle', unit: '% of a core', points: points((row) => row.cpuPercent), limit: 3 },
    { title: 'Memory (PSS)', unit: 'MiB', points: points((row) => row.pssMiB), limit: 200 },
  ];
}

async function draw(sizes: string, panels: readonly Panel[]): Promise<string> {
  const spec: TopLevelSpec = {
    background: 'white',
    hconcat: panels.map(({ title, unit, points, limit }) => ({
      title,
      width: panels.length === 1 ? 420 : 210,
      height: 180,
      data: { values: [...points] },
      layer: [
        {
          mark: { type: 'line', point: true },
          encoding: {
            x: {
              field: 'size',
              type: 'quantitative',
              scale: { type: 'log' },
              title: sizes,
              axis: { values: [...SIZES], labelOverlap: false },
            },
            y: { field: 'value', type: 'quantitative', scale: { type: 'log' }, title: unit, axis: { tickCount: 4 } },
            color: { field: 'line', type: 'nominal', scale: { scheme: 'tableau10' } },
          },
        },
        ...(limit === undefined ? [] : [dashedLine(limit)]),
      ],
    })),
    config: {
      axis: { gridColor: '#e4e4e4' },
      legend: { orient: 'bottom', direction: 'vertical', title: null, labelLimit: 0 },
    },
  };
  const view = new View(parse(compile(spec).spec), { renderer: 'none' });
  return `${await view.toSVG()}\n`;
}

function dashedLine(at: number): UnitSpec<string> {
  return { mark: { type: 'rule', strokeDash: [4, 4], color: '#888' }, encoding: { y: { datum: at } } };
}
