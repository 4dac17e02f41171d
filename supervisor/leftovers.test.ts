import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../common/log.js';
import { Leftovers } from './leftovers.js';

describe('Leftovers', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'heddle-leftovers-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Processes by id: their start, and whether SIGKILL ends them. */
  function harness(
    processes: Record<number, { startTicks: number; state?: string; threads?: number; stays?: boolean }>,
  ) {
    const killed: number[] = [];
    let waitedMs = 0;
    const leftovers = new Leftovers({
      path: join(folder, 'children.json'),
      log: silentLogger(),
      stateOf: (pid) => {
        const found = processes[pid];
        return found === undefined ? null : { state: 'S', threads: 1, ...found };
      },
      kill: (pid) => {
        killed.push(pid);
        if (processes[pid]?.stays !== true) delete processes[pid];
      },
      wait: (ms) => {
        waitedMs += ms;
        return Promise.resolve();
      },
    });
    return { leftovers, killed, processes, waitedMs: () => waitedMs };
  }

  it('are the recorded children that still run, the last of each name', () => {
    const { leftovers } = harness({ 10: { startTicks: 1 }, 11: { startTicks: 2 }, 12: { startTicks: 3, state: 'T' } });
    leftovers.record('router', 10);
    leftovers.record('agent', 11);
    leftovers.record('agent', 12);
    const found = [
      { name: 'router', pid: 10, startTicks: 1 },
      { name: 'agent', pid: 12, startTicks: 3 },
    ];
    expect(leftovers.running()).toEqual(found);
  });

  it('are one where a stand-by has become the router', () => {
    const { leftovers } = harness({ 10: { startTicks: 1 } });
    leftovers.record('stand-by', 10);
    leftovers.record('router', 10);
    expect(leftovers.running()).toEqual([{ name: 'router', pid: 10, startTicks: 1 }]);
  });

  it('leave out zombies and processes that were given the id of a child that ended', () => {
    const { leftovers, processes } = harness({ 10: { startTicks: 1 }, 11: { startTicks: 2 } });
    leftovers.record('router', 10);
    leftovers.record('agent', 11);
    processes[10] = { startTicks: 900 };
    processes[11] = { startTicks: 2, state: 'Z' };
    expect(leftovers.running()).toEqual([]);
  });

  it('count as long as a thread of them ends, and with it their descriptors', () => {
    const { leftovers, processes } = harness({ 10: { startTicks: 1 } });
    leftovers.record('router', 10);
    processes[10] = { startTicks: 1, state: 'Z', threads: 2 };
    expect(leftovers.running()).toHaveLength(1);
  });

  it('work unless they have ended or are stopped', () => {
    const { leftovers, processes } = harness({ 10: { startTicks: 1 } });
    const child = { name: 'router', pid: 10, startTicks: 1 };
    expect(leftovers.works(child)).toBe(true);
    processes[10] = { startTicks: 1, state: 'T' };
    expect(leftovers.works(child)).toBe(false);
    delete processes[10];
    expect(leftovers.works(child)).toBe(false);
  });

  it('leave out what ran before the last boot', () => {
    const { leftovers } = harness({ 10: { startTicks: 1 } });
    leftovers.record('router', 10);
    const path = join(folder, 'children.json');
    const record = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...record, bootId: 'another' }));
    expect(leftovers.running()).toEqual([]);
  });

  it('are none without a record, and with a damaged one', () => {
    const { leftovers } = harness({ 10: { startTicks: 1 } });
    expect(leftovers.running()).toEqual([]);
    writeFileSync(join(folder, 'children.json'), '{"bootId":');
    expect(leftovers.running()).toEqual([]);
  });

  it('are killed, and gone when that has resolved', async () => {
    const { leftovers, killed } = harness({ 10: { startTicks: 1 } });
    leftovers.record('router', 10);
    await leftovers.end(leftovers.running());
    expect(killed).toEqual([10]);
    expect(leftovers.running()).toEqual([]);
  });

  it('are given up on after 3 s when a process does not end', async () => {
    const { leftovers, waitedMs } = harness({ 10: { startTicks: 1, stays: true } });
    leftovers.record('router', 10);
    await leftovers.end(leftovers.running());
    expect(waitedMs()).toBe(3_000);
  });
});
