import { describe, expect, it } from '@jest/globals';
import { RELAY_BURST_MS, RELAY_BYTES_PER_SECOND, RELAY_PAIR_BYTES_PER_SECOND } from '../limits.js';
import { RelayRate } from './relay-rate.js';

const PAIR_PER_MS = RELAY_PAIR_BYTES_PER_SECOND / 1000;
const ALL_PER_MS = RELAY_BYTES_PER_SECOND / 1000;

describe('the rate of a relay', () => {
  it('lets a burst of a pair pass, then as much as the time since allows', () => {
    const rate = new RelayRate(1);
    expect(rate.take(0, 0, PAIR_PER_MS * RELAY_BURST_MS, 5)).toBe(true);
    expect(rate.take(0, 0, 1, 5)).toBe(false);
    expect(rate.take(1, 0, 1000, 5)).toBe(true);
    expect(rate.take(0, 0, 3 * PAIR_PER_MS, 8)).toBe(true);
    expect(rate.take(0, 0, 1, 8)).toBe(false);
  });

  it('counts nothing for a datagram that does not pass', () => {
    const rate = new RelayRate(1);
    expect(rate.take(0, 0, PAIR_PER_MS * RELAY_BURST_MS + 1, 0)).toBe(false);
    expect(rate.take(0, 0, PAIR_PER_MS * RELAY_BURST_MS, 0)).toBe(true);
  });

  it('is shared by the members that opened pairs, however many each of them has', () => {
    const rate = new RelayRate(1);
    const passed = { few: 0, many: 0 };
    for (let nowMs = 0; nowMs < 4_000; nowMs++) {
      for (let pair = 19; pair >= 0; pair--) {
        for (let sent = 0; sent < PAIR_PER_MS; sent += 2_500) {
          const isPassed = rate.take(pair, pair === 0 ? 1 : 2, 2_500, nowMs);
          if (isPassed && nowMs >= 1_000) passed[pair === 0 ? 'few' : 'many'] += 2_500;
        }
      }
    }
    expect(passed.few).toBe(3_000 * PAIR_PER_MS);
    expect(passed.many / (3_000 * (ALL_PER_MS - PAIR_PER_MS))).toBeCloseTo(1, 2);
  });

  it('is shared by all pairs, and by all threads in equal parts', () => {
    const rate = new RelayRate(1);
    const most = ALL_PER_MS * RELAY_BURST_MS;
    let passed = 0;
    for (let pair = 0; pair < 10; pair++) if (rate.take(pair, pair, most / 5, 0)) passed++;
    expect(passed).toBe(5);
    expect(new RelayRate(2).take(0, 0, (PAIR_PER_MS * RELAY_BURST_MS) / 2, 0)).toBe(true);
    expect(new RelayRate(2).take(0, 0, (PAIR_PER_MS * RELAY_BURST_MS) / 2 + 1, 0)).toBe(false);
  });
});
