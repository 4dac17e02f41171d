import { describe, expect, it } from '@jest/globals';
import { RELAY_BURST_MS, RELAY_BYTES_PER_SECOND, RELAY_PAIR_BYTES_PER_SECOND } from '../limits.js';
import { RelayRate } from './relay-rate.js';

const PAIR_PER_MS = RELAY_PAIR_BYTES_PER_SECOND / 1000;
const ALL_PER_MS = RELAY_BYTES_PER_SECOND / 1000;

describe('the rate of a relay', () => {
  it('lets a burst of a pair pass, then as much as the time since allows', () => {
    const rate = new RelayRate(1);
    expect(rate.take(0, PAIR_PER_MS * RELAY_BURST_MS, 5)).toBe(true);
    expect(rate.take(0, 1, 5)).toBe(false);
    expect(rate.take(1, 1000, 5)).toBe(true);
    expect(rate.take(0, 3 * PAIR_PER_MS, 8)).toBe(true);
    expect(rate.take(0, 1, 8)).toBe(false);
  });

  it('counts nothing for a datagram that does not pass', () => {
    const rate = new RelayRate(1);
    expect(rate.take(0, PAIR_PER_MS * RELAY_BURST_MS + 1, 0)).toBe(false);
    expect(rate.take(0, PAIR_PER_MS * RELAY_BURST_MS, 0)).toBe(true);
  });

  it('is shared by all pairs, and by all threads in equal parts', () => {
    const rate = new RelayRate(1);
    const most = ALL_PER_MS * RELAY_BURST_MS;
    let passed = 0;
    for (let pair = 0; pair < 10; pair++) if (rate.take(pair, most / 5, 0)) passed++;
    expect(passed).toBe(5);
    expect(new RelayRate(2).take(0, (PAIR_PER_MS * RELAY_BURST_MS) / 2, 0)).toBe(true);
    expect(new RelayRate(2).take(0, (PAIR_PER_MS * RELAY_BURST_MS) / 2 + 1, 0)).toBe(false);
  });
});
