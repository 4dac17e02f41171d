import { describe, expect, it } from '@jest/globals';
import type { CaseName, CaseRun, Figures } from './bench-plan.js';
import { reportTable } from './report-table.js';

function run(name: CaseName, figures: Figures): CaseRun {
  return { case: name, round: 1, podMtuBytes: 1450, figures, disturbances: [], problems: [] };
}

describe('reportTable', () => {
  it('has the median of each case and its ratios to raw and to vxlan', () => {
    const runs = [run('raw', { tcp1Gbps: 10 }), run('vxlan', { tcp1Gbps: 5 }), run('heddle', { tcp1Gbps: 4 })];
    expect(reportTable(runs).split('\n')).toEqual([
      '                         raw  vxlan  heddle',
      'MTU                     1450   1450    1450',
      'TCP, 1 stream, Gbit/s  10.00   5.00    4.00',
      '  x raw                 1.00   0.50    0.40',
      '  x vxlan               2.00   1.00    0.80',
    ]);
  });

  it('shows what is missing as a dash, and no ratio to a case that was left out', () => {
    const runs = [run('vxlan', { rttP99Us: 50 }), run('heddle', {})];
    expect(reportTable(runs).split('\n').slice(2)).toEqual([
      'round trip, p99, us     50       -',
      '  x vxlan             1.00       -',
    ]);
  });

  it('sets many streams against one within a case', () => {
    const lines = reportTable([run('heddle', { tcp1CpuSecondsPerGB: 2, tcp4CpuSecondsPerGB: 3 })]).split('\n');
    expect(lines.slice(3)).toEqual(['CPU of it, s/GB    3.00', '  x one stream     1.50']);
  });

  it('has no row of ratios to what was not measured', () => {
    const lines = reportTable([run('raw', {}), run('heddle', { tcp4CpuSecondsPerGB: 3 })]).split('\n');
    expect(lines.slice(2)).toEqual(['CPU of it, s/GB     -    3.00']);
  });

  it('says how much of its own speed a case keeps under loss', () => {
    const lines = reportTable([run('heddle', { tcp1Gbps: 4, loss1Gbps: 1 })]).split('\n');
    expect(lines.at(-1)).toBe('  x itself without loss    0.25');
  });

  it('is empty when nothing was run', () => {
    expect(reportTable([])).toBe('');
  });
});
