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
});
