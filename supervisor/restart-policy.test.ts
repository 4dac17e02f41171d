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

  it('gives up when a child that never ran well says that its configuration is wrong', () => {
    expect(decideRestart(NEW_CHILD, { code: EXIT_CONFIG_INVALID, ranMs: 600 })).toEqual({ action: 'give-up' });
    const failing = { quickExits: 3, wasHealthy: false };
    expect(decideRestart(failing, { code: EXIT_CONFIG_INVALID, ranMs: 600 })).toEqual({ action: 'give-up' });
  });

  it('tries a child again every five seconds whose configuration became wrong after a healthy run', () => {
    const wrong = { code: EXIT_CONFIG_INVALID, ranMs: 600 };
    expect(decideRestart(NEW_CHILD, { ...wrong, ranMs: 60_000 })).toMatchObject({ action: 'restart', delayMs: 5000 });
    const healthy = { quickExits: 1, wasHealthy: true };
    expect(decideRestart(healthy, wrong)).toMatchObject({ action: 'restart', delayMs: 5000 });
  });

  it('restarts a child that ended well too: a service has no good reason to end', () => {
    expect(decideRestart(NEW_CHILD, { code: 0, ranMs: 5 })).toMatchObject({ action: 'restart' });
  });
});
