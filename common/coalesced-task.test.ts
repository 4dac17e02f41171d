import { describe, expect, it } from '@jest/globals';
import { CoalescedTask } from './coalesced-task.js';

/** A task whose runs end when the test says so. */
function controlledTask(): { task: CoalescedTask; runs: () => number; end: () => void } {
  let runs = 0;
  let end: () => void = () => undefined;
  const task = new CoalescedTask(() => {
    runs++;
    return new Promise((resolve) => (end = resolve));
  });
  return { task, runs: () => runs, end: () => end() };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('a coalesced task', () => {
  it('runs once more after a run, for any number of requests during it', async () => {
    const { task, runs, end } = controlledTask();
    const first = task.run();
    const second = Promise.all([task.run(), task.run(), task.run()]);
    expect(runs()).toBe(1);
    end();
    await settle();
    expect(runs()).toBe(2);
    end();
    await Promise.all([first, second]);
    expect(runs()).toBe(2);
  });

  it('runs again when it is requested after the last run', async () => {
    const { task, runs, end } = controlledTask();
    const first = task.run();
    end();
    await first;
    const second = task.run();
    expect(runs()).toBe(2);
    end();
    await second;
  });

  it('is over for a caller after a run that began later, however often it is requested meanwhile', async () => {
    const { task, runs, end } = controlledTask();
    void task.run();
    let isOver = false;
    void task.run().then(() => (isOver = true));
    for (const expected of [false, true]) {
      void task.run();
      end();
      await settle();
      expect([runs() > 1, isOver]).toEqual([true, expected]);
    }
    end();
    await task.idle();
  });

  it('is idle when nothing runs', async () => {
    const { task, end } = controlledTask();
    await task.idle();
    void task.run();
    let idle = false;
    const waiting = task.idle().then(() => (idle = true));
    await settle();
    expect(idle).toBe(false);
    end();
    await waiting;
  });
});
