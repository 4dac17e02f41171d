/** The curves in the repository are those of the figures beside them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { drawCurves } from './charts.js';
import type { Figures } from './figures.js';

const DIR = join(process.cwd(), 'docs', 'curves');
const read = (name: string): string => readFileSync(join(DIR, name), 'utf8');

describe('curves', () => {
  it('are drawn from the recorded figures, and are all there is', async () => {
    const drawn = await drawCurves(JSON.parse(read('figures.json')) as Figures);
    const others = Object.entries(drawn).filter(([name, svg]) => read(name) !== svg);
    expect(others.map(([name]) => name)).toEqual([]);
    expect(readdirSync(DIR).sort()).toEqual([...Object.keys(drawn), 'figures.json'].sort());
  });

  it('show each figure, and a dashed line at the limit of each panel', async () => {
    const row = { nodes: 100, restBytesPerSecond: 2048, restDatagramsPerSecond: 20, cpuShare: 0.001 };
    const svg =
      (await drawCurves({ simulation: [], linkedToAll: [row], crowd: [], crowdBefore: [] }))['rest.svg'] ?? '';
    expect(
      svg.match(/aria-label="nodes: 100; [^"]*" role="graphics-symbol" aria-roledescription="point"/g),
    ).toHaveLength(3);
    expect(svg.match(/aria-label="nodes: 100; KiB\/s: 2; line: a link to every member"/g)).not.toBeNull();
    expect(svg.match(/stroke-dasharray/g)).toHaveLength(3);
  });
});
