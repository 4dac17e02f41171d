import { describe, expect, it } from '@jest/globals';
import { commandLine, isAlive } from './processes.js';

const NO_SUCH_PID = 4_194_305;

describe('processes', () => {
  it('sees this one', () => {
    expect(isAlive(process.pid)).toBe(true);
    expect(commandLine(process.pid).length).toBeGreaterThan(0);
  });

  it('takes one that does not exist for dead, without a word', () => {
    expect(isAlive(NO_SUCH_PID)).toBe(false);
    expect(commandLine(NO_SUCH_PID)).toEqual([]);
  });
});
