import { describe, expect, it } from '@jest/globals';
import { ROUND_TRIP_SAMPLES } from '../limits.js';
import { RoundTrip } from './round-trip.js';

/** What is shown after each sample. */
function shown(...samplesMs: number[]): (number | null)[] {
  const roundTrip = new RoundTrip();
  return samplesMs.map((sampleMs) => {
    roundTrip.add(sampleMs);
    return roundTrip.medianMs;
  });
}

describe('the round trip that is shown', () => {
  it('is unknown before the first answer and after the link went down', () => {
    const roundTrip = new RoundTrip();
    expect(roundTrip.medianMs).toBeNull();
    roundTrip.add(3);
    roundTrip.clear();
    expect(roundTrip.medianMs).toBeNull();
    roundTrip.add(5);
    expect(roundTrip.medianMs).toBe(5);
  });

  it('forgets a slow first answer with the second', () => {
    expect(shown(21.9, 0.3, 0.5, 0.4)).toEqual([21.9, 0.3, 0.5, 0.4]);
  });

  it('is not moved by single slow answers', () => {
    const steady = Array<number>(ROUND_TRIP_SAMPLES).fill(0.5);
    expect(shown(...steady, 30, 0.5, 0.5, 40, 0.5).at(-1)).toBe(0.5);
  });

  it('follows a path that became longer after half a window, and one that became shorter', () => {
    const steady = Array<number>(ROUND_TRIP_SAMPLES).fill(1);
    const after = shown(...steady, ...Array<number>(ROUND_TRIP_SAMPLES).fill(9), ...steady).slice(ROUND_TRIP_SAMPLES);
    expect(after.indexOf(9)).toBe(ROUND_TRIP_SAMPLES / 2);
    expect(after.indexOf(1, ROUND_TRIP_SAMPLES)).toBe(ROUND_TRIP_SAMPLES + ROUND_TRIP_SAMPLES / 2 - 1);
  });
});
