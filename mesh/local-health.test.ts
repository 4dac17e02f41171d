import { describe, expect, it } from '@jest/globals';
import { GRACE_PER_LAG, LAG_MEMORY_MS, LAG_NOTED_MS, MAX_GRACE_MS } from './limits.js';
import { LocalHealth } from './local-health.js';

describe('the local health', () => {
  it('gives no grace while this node is in time', () => {
    const health = new LocalHealth();
    health.note(LAG_NOTED_MS - 1, 0);
    expect(health.graceMs(0)).toBe(0);
  });

  it('gives grace by the worst lag of the last time, and no more than a bound', () => {
    const health = new LocalHealth();
    health.note(900, 1_000);
    health.note(500, 2_000);
    expect(health.graceMs(2_000)).toBe(GRACE_PER_LAG * 900);
    expect(health.graceMs(1_000 + LAG_MEMORY_MS)).toBe(0);
    health.note(500, 1_000 + LAG_MEMORY_MS);
    expect(health.graceMs(1_000 + LAG_MEMORY_MS)).toBe(GRACE_PER_LAG * 500);
    health.note(60_000, 60_000);
    expect(health.graceMs(60_000)).toBe(MAX_GRACE_MS);
  });
});
