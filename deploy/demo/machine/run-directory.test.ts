import { describe, expect, it } from '@jest/globals';
import { isStaleName } from './run-directory.js';

const DEAD = 4_000_001;
const ALIVE = 4_000_002;
const isRunning = (pid: number): boolean => pid === ALIVE;

describe('isStaleName', () => {
  it('is true for what a process left that is gone', () => {
    expect(isStaleName(`hd${DEAD}a-n1`, isRunning, false)).toBe(true);
    expect(isStaleName(`hd${DEAD}z-demo`, isRunning, false)).toBe(true);
  });

  it('is false for what belongs to a running process', () => {
    expect(isStaleName(`hd${ALIVE}a-n1`, isRunning, true)).toBe(false);
  });

  it('is false for names that are not ours', () => {
    for (const name of ['hd', 'hda-n1', `hd${DEAD}`, `hd${DEAD}-n1`, `xhd${DEAD}a-n1`, 'cni-1234', 'hd0a-n1']) {
      expect(isStaleName(name, isRunning, true)).toBe(false);
    }
  });

  it('takes our own process id for a reused one as long as nothing was made', () => {
    expect(isStaleName(`hd${process.pid}a-n1`, isRunning, true)).toBe(true);
    expect(isStaleName(`hd${process.pid}a-n1`, isRunning, false)).toBe(false);
  });
});
