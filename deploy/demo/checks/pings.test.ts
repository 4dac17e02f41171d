import { describe, expect, it } from '@jest/globals';
import { reportPings } from './pings.js';
import type { PingKind } from './pings.js';

const result = (kind: PingKind, rttMs: number | null) => ({
  kind,
  from: 'pod-a',
  to: 'pod-b',
  address: '10.32.1.3',
  rttMs,
});

describe('reportPings', () => {
  it('is ok when all were answered, with the median of each kind', () => {
    const results = [result('across', 0.3), result('across', 0.1), result('across', 9), result('gateway', 0.05)];
    expect(reportPings(results)).toEqual({
      ok: true,
      problems: [],
      total: 4,
      failed: 0,
      medianRttMs: { across: 0.3, gateway: 0.05 },
    });
  });

  it('names those without an answer, up to a bound', () => {
    const failed = new Array(50).fill(result('same-node', null));
    const report = reportPings([result('across', 1), ...failed]);
    expect(report).toMatchObject({ ok: false, total: 51, failed: 50 });
    expect(report.problems).toHaveLength(10);
    expect(report.problems[0]).toBe('pod-a does not reach pod-b at 10.32.1.3');
  });
});
