import { describe, expect, it } from '@jest/globals';
import { RateMeter } from './rate-meter.js';

describe('RateMeter', () => {
  it('is the average between two samples, in bits', () => {
    const meter = new RateMeter();
    meter.record('b', 0, [1_000, 0]);
    meter.record('b', 2_000, [2_001_000, 500]);
    expect(meter.rates('b', 2_500, 2)).toEqual([8_000_000, 2_000]);
  });

  it('is zero for strangers, for the first sample and after silence', () => {
    const meter = new RateMeter();
    expect(meter.rates('b', 0, 2)).toEqual([0, 0]);
    meter.record('b', 0, [1_000_000, 0]);
    expect(meter.rates('b', 0, 2)).toEqual([0, 0]);
    meter.record('b', 1_000, [2_000_000, 0]);
    expect(meter.rates('b', 4_501, 2)).toEqual([0, 0]);
  });

  it('does not go negative when a counter begins anew', () => {
    const meter = new RateMeter();
    meter.record('b', 0, [1_000_000]);
    meter.record('b', 1_000, [1_000]);
    expect(meter.rates('b', 1_000, 1)).toEqual([8_000]);
  });

  it('ignores samples that come too close to the one before', () => {
    const meter = new RateMeter();
    meter.record('b', 0, [0]);
    meter.record('b', 10, [1_000_000]);
    meter.record('b', 1_000, [1_000_000]);
    expect(meter.rates('b', 1_000, 1)).toEqual([8_000_000]);
  });

  it('forgets the keys that are gone', () => {
    const meter = new RateMeter();
    meter.record('b', 0, [0]);
    meter.record('b', 1_000, [125]);
    meter.keepOnly(new Set(['c']));
    expect(meter.rates('b', 1_000, 1)).toEqual([0]);
  });
});
