import { describe, expect, it } from '@jest/globals';
import { isStaleName } from './run-directory.js';

const DEAD = 4_000_001;
const ALIVE = 4_000_002;
const isRunning = (pid: number): boolean => pid === ALIVE;

describe('isStaleName', () => {
  it('is true for names of a process that has ended', () => {
    expect(isStaleName(`hd${DEAD}a-n1`, isRunning, false)).toBe(true);
    expect(isStaleName(`hd${DEAD}z-demo`, isRunning, false)).toBe(true);
  });

  it('is false for names of a running process', () => {
    expect(isStaleName(`hd${ALIVE}a-n1`, isRunning, true)).toBe(false);
  });

  it('is false for names of another form', () => {
    for (const name of ['hd', 'hda-n1', `hd${DEAD}`, `hd${DEAD}-n1`, `xhd${DEAD}a-n1`, 'cni-1234', 'hd0a-n1']) {
      expect(isStaleName(name, isRunning, true)).toBe(false);
    }
  });

  it('is true for names of this process id as long as this process has made nothing', () => {
    expect(isStaleName(`hd${process.pid}a-n1`, isRunning, true)).toBe(true);
    expect(isStaleName(`hd${process.pid}a-n1`, isRunning, false)).toBe(false);
  });
});
