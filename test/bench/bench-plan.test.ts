import { describe, expect, it } from '@jest/globals';
import { FIGURES, TEST_NAMES, figuresOf, testsOf } from './bench-plan.js';

describe('the figures', () => {
  it('each have a name and a test of their own', () => {
    expect(new Set(FIGURES.map(({ name }) => name)).size).toBe(FIGURES.length);
    expect(new Set(FIGURES.map(({ test }) => test))).toEqual(new Set(TEST_NAMES));
  });

  it('are seen against figures that there are', () => {
    const names = FIGURES.map(({ name }) => name);
    for (const { base } of FIGURES) if (base !== undefined) expect(names).toContain(base.figure);
  });
});

describe('testsOf', () => {
  it('keeps for Heddle what only Heddle has', () => {
    expect(testsOf('heddle', ['tcp1', 'fan', 'idle'])).toEqual(['tcp1', 'fan', 'idle']);
    expect(testsOf('vxlan', ['tcp1', 'fan', 'idle'])).toEqual(['tcp1']);
    expect(testsOf('raw', ['fan'])).toEqual([]);
  });
});

describe('figuresOf', () => {
  it('has what the chosen tests give', () => {
    const names = figuresOf('heddle', { tests: ['rttload', 'idle'], fan: [2] }).map(({ name }) => name);
    expect(names).toEqual(['rttloadP50Us', 'rttloadP99Us', 'idleCorePercent', 'idleResidentMiB']);
  });

  it('has of a fan the sizes that are measured', () => {
    const names = figuresOf('heddle', { tests: ['fan'], fan: [4] }).map(({ name }) => name);
    expect(names).toContain('fan4CpuSecondsPerGB');
    expect(names.every((name) => name.startsWith('fan4'))).toBe(true);
  });

  it('has nothing of a test that the case has not', () => {
    expect(figuresOf('raw', { tests: ['fan', 'idle'], fan: [2] })).toEqual([]);
  });
});
