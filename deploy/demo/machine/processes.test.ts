import { describe, expect, it } from '@jest/globals';
import { commandLine, isAlive } from './processes.js';

const NO_SUCH_PID = 4_194_305;

describe('processes', () => {
  it('include this process', () => {
    expect(isAlive(process.pid)).toBe(true);
    expect(commandLine(process.pid).length).toBeGreaterThan(0);
  });

  it('are not alive and have no command line when they do not exist', () => {
    expect(isAlive(NO_SUCH_PID)).toBe(false);
    expect(commandLine(NO_SUCH_PID)).toEqual([]);
  });
});
