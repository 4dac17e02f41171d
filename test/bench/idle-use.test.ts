import { describe, expect, it } from '@jest/globals';
import { idleUse, parseResidentMiB } from './idle-use.js';
import type { ProcessLook } from './idle-use.js';

function look(pid: number, seconds: number, residentMiB = 80, childrenSeconds = 0): ProcessLook {
  const time = { pid, startTime: `${pid}`, parent: 1, isKernelThread: false, seconds, childrenSeconds };
  return { name: `process ${pid}`, time, residentMiB };
}

describe('idleUse', () => {
  it('is what agent and router of a node use together, the mean of the nodes', () => {
    const before = [look(1, 1), look(2, 1), look(3, 1), look(4, 1)];
    const after = [look(1, 1.02, 100), look(2, 1.01, 60), look(3, 1.04, 110), look(4, 1.01, 70)];
    const use = idleUse(before, after, { nodes: 2, seconds: 4 });
    expect(use.corePercent).toBeCloseTo(1);
    expect(use.residentMiB).toBe(170);
  });

  it('counts children that a process has waited for', () => {
    const use = idleUse([look(1, 1, 80, 0.5)], [look(1, 1, 80, 0.75)], { nodes: 1, seconds: 5 });
    expect(use.corePercent).toBeCloseTo(5);
  });

  it('refuses to compare a process with the one it was before', () => {
    const again = { ...look(1, 0), time: { ...look(1, 0).time, startTime: 'later' } };
    for (const after of [look(2, 0), again]) {
      expect(() => idleUse([look(1, 1)], [after], { nodes: 1, seconds: 5 })).toThrow('was started again meanwhile');
    }
  });
});

describe('parseResidentMiB', () => {
  it('reads the resident set', () => {
    expect(parseResidentMiB('Name:\tnode\nVmHWM:\t  99999 kB\nVmRSS:\t   10752 kB\nRssAnon:\t 5 kB\n')).toBe(10.5);
  });

  it('is null of a process that is ending', () => {
    expect(parseResidentMiB('Name:\tnode\nState:\tZ (zombie)\n')).toBeNull();
  });
});
