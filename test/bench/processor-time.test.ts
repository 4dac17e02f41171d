import { describe, expect, it } from '@jest/globals';
import { parseMachineTime, parseProcessTime, processorUse } from './processor-time.js';
import type { ProcessTime, ProcessorSnapshot } from './processor-time.js';

const STAT = `cpu  505191 2393 82590 647790 1333 7 10388 382 0 0
cpu0 249396 1174 40310 328607 279 0 4898 197 0 0
intr 12345
`;
const OWN = 100;
const KERNEL_THREAD = processTime(2, 0, { isKernelThread: true });

function processTime(pid: number, seconds: number, more: Partial<ProcessTime> = {}): ProcessTime {
  return { pid, startTime: `${pid}`, parent: 1, isKernelThread: false, seconds, childrenSeconds: 0, ...more };
}

function snapshot(atMs: number, busySeconds: number, processes: readonly ProcessTime[]): ProcessorSnapshot {
  return { atMs, busySeconds, stolenSeconds: 0, processes };
}

/** CPU seconds of this run out of 10 of the whole machine, in 5 seconds. */
function ownOfTen(before: readonly ProcessTime[], after: readonly ProcessTime[]): number {
  return processorUse(snapshot(0, 50, before), snapshot(5000, 60, after), OWN).ownCpuSeconds;
}

describe('parseMachineTime', () => {
  it('counts what is neither idle nor waiting for a disk, and apart what the hypervisor took', () => {
    expect(parseMachineTime(STAT)).toEqual({
      busySeconds: (505191 + 2393 + 82590 + 7 + 10388) / 100,
      stolenSeconds: 3.82,
    });
  });
});

describe('parseProcessTime', () => {
  it('reads a process whose name holds spaces and parentheses', () => {
    const text =
      '1281 (a) (b c) S 1280 1281 1281 0 -1 4194560 6545 120756 0 16 250 30 431 462 20 0 1 0 560753 5361664 1040';
    expect(parseProcessTime(text)).toEqual({
      pid: 1281,
      startTime: '560753',
      parent: 1280,
      isKernelThread: false,
      seconds: 2.8,
      childrenSeconds: 8.93,
    });
  });

  it('knows a thread of the kernel', () => {
    const text = '15 (ksoftirqd/0) S 2 0 0 0 -1 69238848 0 0 0 0 0 30 0 0 20 0 1 0 25 0 0';
    expect(parseProcessTime(text)).toMatchObject({ pid: 15, isKernelThread: true, seconds: 0.3 });
  });

  it.each(['', '1281 (bash) S 1280 1281'])('takes %j for a process that is gone', (text) => {
    expect(parseProcessTime(text)).toBeNull();
  });
});

describe('processorUse', () => {
  it('leaves out what processes outside this run used', () => {
    const before = [KERNEL_THREAD, processTime(OWN, 1), processTime(7, 20)];
    const after = [KERNEL_THREAD, processTime(OWN, 5), processTime(7, 22)];
    const use = processorUse(snapshot(0, 50, before), snapshot(5000, 60, after), OWN);
    expect(use).toEqual({ seconds: 5, ownCpuSeconds: 8, disturbingCores: 0.4 });
  });

  it('counts descendants and the threads of the kernel as ours, in whatever order they are listed', () => {
    const tree = (seconds: number): ProcessTime[] => [
      processTime(50, seconds, { parent: 200 }),
      processTime(200, seconds, { parent: OWN }),
      processTime(OWN, 0),
      processTime(15, seconds, { isKernelThread: true }),
    ];
    expect(ownOfTen(tree(0), tree(3))).toBe(10);
  });

  it('counts what began in between', () => {
    expect(ownOfTen([], [processTime(7, 1.5)])).toBe(8.5);
  });

  it('counts the time of a process that came and went from its parent', () => {
    expect(ownOfTen([processTime(7, 0)], [processTime(7, 0, { childrenSeconds: 4 })])).toBe(6);
  });

  it('does not count the earlier time of a process that ended again', () => {
    const before = [processTime(7, 0), processTime(8, 30, { parent: 7 })];
    expect(ownOfTen(before, [processTime(7, 0, { childrenSeconds: 31 })])).toBe(9);
  });

  it('counts others although a process ended unseen', () => {
    expect(ownOfTen([processTime(7, 0), processTime(8, 30)], [processTime(7, 2)])).toBe(8);
  });

  it('takes another process of the same id for another', () => {
    expect(ownOfTen([processTime(7, 30)], [processTime(7, 2, { startTime: 'later' })])).toBe(8);
  });

  it('never finds more used by others than the machine was busy', () => {
    expect(ownOfTen([], [processTime(7, 10.25)])).toBe(0);
  });

  it('counts what the hypervisor took as a disturbance', () => {
    const after = { ...snapshot(5000, 60, [KERNEL_THREAD]), stolenSeconds: 2 };
    expect(processorUse(snapshot(0, 50, []), after, OWN)).toMatchObject({ ownCpuSeconds: 10, disturbingCores: 0.4 });
  });

  it('gives no figure for others inside a process namespace, where no kernel thread is seen', () => {
    const use = processorUse(snapshot(0, 50, []), snapshot(5000, 60, [processTime(OWN, 5)]), OWN);
    expect(use).toEqual({ seconds: 5, ownCpuSeconds: 10, disturbingCores: null });
  });
});
