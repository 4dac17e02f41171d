import { describe, expect, it } from '@jest/globals';
import { parseRestartArguments } from './restart-arguments.js';

describe('the command line of bench:restart', () => {
  it('measures restarts unless it is told to measure the first ADD', () => {
    const options = { dead: 1000, rounds: 5, json: false };
    expect(parseRestartArguments([])).toEqual({ kind: 'run', options: { ...options, firstAdd: false } });
    expect(parseRestartArguments(['--first-add'])).toEqual({ kind: 'run', options: { ...options, firstAdd: true } });
  });
});
