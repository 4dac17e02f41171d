import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { Arena } from './arena.js';
import { ThreadScheduling } from './thread-scheduling.js';

const scheduling = new ThreadScheduling(new Arena(4096));

/** The class that the kernel has this thread in (proc_pid_stat(5), field 41). */
function policy(): number {
  const stat = readFileSync('/proc/thread-self/stat', 'latin1');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[38]);
}

describe('the scheduling of a thread', () => {
  it('changes to SCHED_BATCH and back', () => {
    scheduling.setPreempting(false);
    expect(policy()).toBe(3);
    scheduling.setPreempting(true);
    expect(policy()).toBe(0);
  });

  it('reports the time waited for a processor, which only grows', () => {
    const before = scheduling.waitedMs();
    const told = Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[1]) / 1e6;
    const after = scheduling.waitedMs();
    expect(before).toBeGreaterThanOrEqual(0);
    expect(told).toBeGreaterThanOrEqual(before);
    expect(after).toBeGreaterThanOrEqual(told);
  });

  it('pauses no shorter than asked', () => {
    scheduling.usePreciseTimers();
    const start = process.hrtime.bigint();
    for (let i = 0; i < 20; i++) scheduling.pause(500);
    expect(process.hrtime.bigint() - start).toBeGreaterThanOrEqual(10_000_000n);
  });
});
