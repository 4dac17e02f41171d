import { describe, expect, it } from '@jest/globals';
import { withReport } from './figures.js';
import type { Figures } from './figures.js';

const NONE: Figures = { simulation: [], linkedToAll: [], crowd: [], crowdBefore: [] };
const SIMULATED = {
  ...{ nodes: 100, minutes: 1, violations: 0, startMs: 1650, joinAllMs: 50, detectMs: null },
  ...{ restBytesPerSecond: 4628, restDatagramsPerSecond: 24, cpuShare: 0.001, trace: 'abc' },
};
const CROWD = {
  peers: 30,
  linkAmong: true,
  agentAndRouter: { rss: 160 << 20, pss: 90 << 20, cpuPercent: 1.23456 },
  processes: [],
};

describe('figures', () => {
  it('takes what the curves show from a simulation', () => {
    expect(withReport(NONE, SIMULATED, 'a.json').simulation).toEqual([
      {
        ...{ nodes: 100, minutes: 1, startMs: 1650, joinAllMs: 50, detectMs: null },
        ...{ restBytesPerSecond: 4628, restDatagramsPerSecond: 24, cpuShare: 0.001 },
      },
    ]);
  });

  it('takes agent and router together from a crowd, in MiB', () => {
    expect(withReport(NONE, CROWD, 'a.json').crowd).toEqual([{ peers: 30, cpuPercent: 1.23, rssMiB: 160, pssMiB: 90 }]);
  });

  it('keeps rows in the order of their size, and replaces one of the same', () => {
    const reports = [SIMULATED, { ...SIMULATED, nodes: 30 }, { ...SIMULATED, startMs: 7 }];
    const figures = reports.reduce<Figures>((taken, report) => withReport(taken, report, 'a.json'), NONE);
    expect(figures.simulation.map(({ nodes, startMs }) => [nodes, startMs])).toEqual([
      [30, 1650],
      [100, 7],
    ]);
  });

  it.each([
    ['a run with violations', { ...SIMULATED, violations: 1 }, /a\.json: a run with violations/],
    ['a figure that is missing', { ...SIMULATED, cpuShare: undefined }, /a\.json: cpuShare is not a number/],
    ['a crowd without its sum', { ...CROWD, agentAndRouter: null }, /a\.json: not a JSON object/],
    ['a crowd that is no cluster', { ...CROWD, linkAmong: false }, /a\.json: a crowd without --link-among/],
    ['text', 'nodes', /a\.json: not a JSON object/],
    ['an object of something else', {}, /a\.json: neither a report of npm run sim nor one of npm run bench:crowd/],
  ])('refuses %s', (_, report, message) => {
    expect(() => withReport(NONE, report, 'a.json')).toThrow(message);
  });
});
