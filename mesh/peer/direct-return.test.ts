import { describe, expect, it } from '@jest/globals';
import { DIRECT_PROBE_AGAIN_MS, DIRECT_PROBE_MS, DIRECT_PROBES_OFTEN, MAX_DIRECT_PROBE_MS } from '../relay-limits.js';
import { DirectReturn } from './direct-return.js';

describe('the return to the direct path', () => {
  it('probes every 10 s, and every minute later', () => {
    const back = new DirectReturn(0);
    const sentMs: number[] = [];
    for (let ms = 0; ms <= 300_000; ms += 1000) if (back.probes(false, ms)) sentMs.push(ms);
    const gaps = sentMs.map((ms, i) => ms - (sentMs[i - 1] ?? 0));
    expect(gaps.slice(0, DIRECT_PROBES_OFTEN)).toEqual(Array(DIRECT_PROBES_OFTEN).fill(DIRECT_PROBE_MS));
    expect(gaps.slice(DIRECT_PROBES_OFTEN)).toEqual(gaps.slice(DIRECT_PROBES_OFTEN).fill(MAX_DIRECT_PROBE_MS));
  });

  it('counts after three answers in a row, which are asked for a second apart', () => {
    const back = new DirectReturn(0);
    expect(back.probes(false, DIRECT_PROBE_MS)).toBe(true);
    expect(back.answered(false, DIRECT_PROBE_MS + 5)).toBe(false);
    expect(back.nextMs).toBe(DIRECT_PROBE_MS + 5 + DIRECT_PROBE_AGAIN_MS);
    expect(back.probes(false, back.nextMs)).toBe(true);
    expect(back.answered(false, back.nextMs)).toBe(false);
    expect(back.probes(false, back.nextMs)).toBe(true);
    expect(back.answered(false, back.nextMs)).toBe(true);
  });

  it('begins to count anew when an answer is missing', () => {
    const back = new DirectReturn(0);
    for (let i = 0; i < 2; i++) {
      back.probes(false, back.nextMs);
      back.answered(false, back.nextMs);
    }
    back.probes(false, back.nextMs);
    back.probes(false, back.nextMs);
    expect(back.answered(false, back.nextMs)).toBe(false);
  });

  it('takes one answer, asked for at once, while the relay does not answer', () => {
    const back = new DirectReturn(0);
    expect(back.probes(true, 100)).toBe(false);
    expect(back.probes(true, 100 + DIRECT_PROBE_AGAIN_MS)).toBe(true);
    expect(back.answered(true, 1200)).toBe(true);
  });
});
