import { describe, expect, it } from '@jest/globals';
import { EXIT_CONFIG_INVALID } from '../common/launch-contract.js';
import { decideRestart } from './restart-policy.js';

function delaysOf(exits: number, ranMs: number): number[] {
  const delays: number[] = [];
  let quickExits = 0;
  for (let i = 0; i < exits; i++) {
    const decision = decideRestart(quickExits, { code: 1, ranMs });
    if (decision.action === 'give-up') break;
    delays.push(decision.delayMs);
    quickExits = decision.quickExits;
  }
  return delays;
}

describe('decideRestart', () => {
  it('restarts at once the first time, then backs off to five seconds', () => {
    expect(delaysOf(9, 10)).toEqual([0, 250, 500, 1000, 2000, 4000, 5000, 5000, 5000]);
  });

  it('forgets earlier failures after thirty healthy seconds', () => {
    expect(decideRestart(7, { code: null, ranMs: 30_000 })).toEqual({ action: 'restart', delayMs: 0, quickExits: 1 });
    expect(decideRestart(7, { code: null, ranMs: 29_999 })).toMatchObject({ delayMs: 5000 });
  });

  it('keeps the delay bounded however long a child keeps failing', () => {
    expect(decideRestart(100_000, { code: 1, ranMs: 0 })).toMatchObject({ delayMs: 5000 });
  });

  it('gives up when the child says that its configuration is wrong, even after a long run', () => {
    expect(decideRestart(0, { code: EXIT_CONFIG_INVALID, ranMs: 60_000 })).toEqual({ action: 'give-up' });
  });

  it('restarts a child that ended well too: a service has no good reason to end', () => {
    expect(decideRestart(0, { code: 0, ranMs: 5 })).toMatchObject({ action: 'restart' });
  });
});
