import { describe, expect, it } from '@jest/globals';
import { EXIT_CONFIG_INVALID } from '../common/launch-contract.js';
import { decideRestart, NEW_CHILD } from './restart-policy.js';

function delaysOf(exits: number, ranMs: number): number[] {
  const delays: number[] = [];
  let history = NEW_CHILD;
  for (let i = 0; i < exits; i++) {
    const decision = decideRestart(history, { code: 1, ranMs });
    if (decision.action === 'give-up') break;
    delays.push(decision.delayMs);
    history = decision.history;
  }
  return delays;
}

describe('the restart policy', () => {
  it('restarts at once the first time, then backs off to five seconds', () => {
    expect(delaysOf(9, 10)).toEqual([0, 250, 500, 1000, 2000, 4000, 5000, 5000, 5000]);
  });

  it('forgets earlier failures after thirty healthy seconds', () => {
    const failing = { quickExits: 7, wasHealthy: false };
    expect(decideRestart(failing, { code: null, ranMs: 30_000 })).toEqual({
      action: 'restart',
      delayMs: 0,
      history: { quickExits: 1, wasHealthy: true },
    });
    expect(decideRestart(failing, { code: null, ranMs: 29_999 })).toMatchObject({ delayMs: 5000 });
  });

  it('keeps the delay bounded however long a child keeps failing', () => {
    const failing = { quickExits: 100_000, wasHealthy: false };
    expect(decideRestart(failing, { code: 1, ranMs: 0 })).toMatchObject({ delayMs: 5000 });
  });

  it('gives up a child that was never healthy and exits with 78', () => {
    expect(decideRestart(NEW_CHILD, { code: EXIT_CONFIG_INVALID, ranMs: 600 })).toEqual({ action: 'give-up' });
    const failing = { quickExits: 3, wasHealthy: false };
    expect(decideRestart(failing, { code: EXIT_CONFIG_INVALID, ranMs: 600 })).toEqual({ action: 'give-up' });
  });

  it('restarts a child every five seconds that exits with 78 after a healthy run', () => {
    const wrong = { code: EXIT_CONFIG_INVALID, ranMs: 600 };
    expect(decideRestart(NEW_CHILD, { ...wrong, ranMs: 60_000 })).toMatchObject({ action: 'restart', delayMs: 5000 });
    const healthy = { quickExits: 1, wasHealthy: true };
    expect(decideRestart(healthy, wrong)).toMatchObject({ action: 'restart', delayMs: 5000 });
  });

  it('restarts a child that exits with 0 too, since a service is not expected to end', () => {
    expect(decideRestart(NEW_CHILD, { code: 0, ranMs: 5 })).toMatchObject({ action: 'restart' });
  });
});
