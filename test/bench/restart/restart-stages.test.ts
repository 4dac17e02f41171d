import { describe, expect, it } from '@jest/globals';
import { parseLog, stagesAfter } from './restart-stages.js';

const line = (second: number, msg: string, child?: string) =>
  JSON.stringify({ time: `2026-01-01T00:00:0${second}.000Z`, msg, child });

describe('the stages of a restart', () => {
  it('are the first of each after the last reply', () => {
    const log = [
      'no JSON',
      line(1, 'router is forwarding'),
      line(3, 'child started', 'agent'),
      line(4, 'child started', 'router'),
      line(5, 'router is forwarding'),
      line(6, 'router is forwarding'),
    ].join('\n');
    const fromMs = Date.parse('2026-01-01T00:00:02.000Z');
    expect(stagesAfter(parseLog(log), fromMs)).toEqual({
      started: 2000,
      forwarding: 3000,
      connected: null,
      linked: null,
    });
  });
});
