import { describe, expect, it } from '@jest/globals';
import { SpacedTask } from './spaced-task.js';
import { VirtualClock } from './testing/virtual-clock.js';

function spaced(run: () => Promise<unknown> = () => Promise.resolve()) {
  const clock = new VirtualClock();
  const runsAtMs: number[] = [];
  const task = new SpacedTask({
    clock,
    intervalMs: 100,
    run: () => {
      runsAtMs.push(clock.nowMs());
      return run();
    },
  });
  const begin = clock.nowMs();
  return { clock, task, runs: () => runsAtMs.map((ms) => ms - begin) };
}

describe('a spaced task', () => {
  it('runs at once, and once an interval however often it is requested', async () => {
    const { clock, task, runs } = spaced();
    for (let ms = 0; ms < 250; ms += 10) {
      task.request();
      await clock.advanceSettled(10);
    }
    expect(runs()).toEqual([0, 100, 200]);
    await clock.advanceSettled(500);
    expect(runs()).toEqual([0, 100, 200, 300]);
    task.request();
    expect(runs()).toHaveLength(5);
  });

  it('does not run while a run is under way, and once after it', async () => {
    const ends: (() => void)[] = [];
    const { clock, task, runs } = spaced(() => new Promise<void>((resolve) => ends.push(resolve)));
    task.request();
    task.request();
    await clock.advanceSettled(1_000);
    task.request();
    expect(runs()).toEqual([0]);
    ends[0]!();
    await clock.advanceSettled(0);
    expect(runs()).toEqual([0, 1_000]);
  });

  it('runs no more once stopped', async () => {
    const { clock, task, runs } = spaced();
    task.request();
    task.request();
    task.stop();
    await clock.advanceSettled(1_000);
    expect(runs()).toEqual([0]);
  });
});
