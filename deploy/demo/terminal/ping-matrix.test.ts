import { describe, expect, it } from '@jest/globals';
import type { PingResult } from '../checks/index.js';
import { pingMatrix } from './ping-matrix.js';

function result(from: string, to: string, rttMs: number | null): PingResult {
  return { kind: 'across', from, to, address: '10.32.1.2', rttMs };
}

describe('pingMatrix', () => {
  it('shows the best round trip of a pair, and FAIL when a family got no answer or was not tried', () => {
    const results = [result('pod-a', 'pod-b', 0.8), result('pod-a', 'pod-b', 0.25), result('pod-b', 'pod-a', 0.5)];
    const lines = pingMatrix([...results, result('pod-b', 'pod-a', null)], ['pod-a', 'pod-b', 'pod-c']).split('\n');
    expect(lines[1]!.split(/ +/)).toEqual(['pod-a', '·', '0.25', 'FAIL']);
    expect(lines[2]!.split(/ +/)).toEqual(['pod-b', 'FAIL', '·', 'FAIL']);
  });

  it('is one line when there are many pods', () => {
    const pods = Array.from({ length: 100 }, (_, i) => `pod-${i}`);
    const results = [result('pod-1', 'pod-2', 0.5), result('pod-3', 'pod-4', 0.75), result('pod-5', 'pod-6', null)];
    expect(pingMatrix(results, pods)).toBe('2 of 3 pings answered; round trip 0.75 ms in the median');
  });
});
