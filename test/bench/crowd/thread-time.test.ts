import { describe, expect, it } from '@jest/globals';
import { parseSchedstat, percentOfCore } from './thread-time.js';

const times = (ns: Readonly<Record<string, number>>) =>
  new Map(Object.entries(ns).map(([id, spent]) => [id, { name: 'node', ns: spent }]));

describe('processor time of threads', () => {
  it('is the first figure of schedstat', () => {
    expect(parseSchedstat('117705742 7146792 35\n')).toBe(117_705_742);
  });

  it('is given in percent of a core', () => {
    const used = percentOfCore(times({ 7: 1e9 }), times({ 7: 1.05e9, 8: 2e7 }), 10_000);
    expect([...used].map(([id, percent]) => [id, percent.toFixed(3)])).toEqual([
      ['7', '0.500'],
      ['8', '0.200'],
    ]);
  });

  it('leaves out threads that have ended', () => {
    expect(percentOfCore(times({ 7: 5 }), times({}), 1000).size).toBe(0);
  });
});
