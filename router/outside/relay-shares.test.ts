import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MAX_RELAY_PAIRS } from '../../common/protocol.js';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { RelayShares } from './relay-shares.js';

/** 50 MB/s, and 250 ms of it. */
const BYTES_PER_MS = 50_000;
const ROOM = 250 * BYTES_PER_MS;
const DATAGRAM_BYTES = 1_000;

/** Bytes per ms that pass of each opener, which wants so many, in two seconds after a first one in which it wants `atFirst`. */
function passing(demands: readonly number[], atFirst = demands): number[] {
  const shares = new RelayShares(BYTES_PER_MS, ROOM);
  const owed = demands.map(() => 0);
  const passed = demands.map(() => 0);
  for (let nowMs = 0; nowMs < 3_000; nowMs++) {
    (nowMs < 1_000 ? atFirst : demands).forEach((demand, opener) => {
      for (owed[opener]! += demand; owed[opener]! >= DATAGRAM_BYTES; owed[opener]! -= DATAGRAM_BYTES) {
        const isPassed = shares.take(opener, DATAGRAM_BYTES, nowMs);
        if (isPassed && nowMs >= 1_000) passed[opener]! += DATAGRAM_BYTES;
      }
    });
  }
  return passed.map((bytes) => bytes / 2_000);
}

/** The twin: what is left is shared by those that want more than an equal part of it. */
function maxMinFair(demands: readonly number[]): number[] {
  const bySize = demands.map((demand, opener) => ({ demand, opener })).sort((a, b) => a.demand - b.demand);
  const shares = demands.map(() => 0);
  let left = BYTES_PER_MS;
  bySize.forEach(({ demand, opener }, i) => {
    shares[opener] = Math.min(demand, left / (bySize.length - i));
    left -= shares[opener];
  });
  return shares;
}

describe('the shares of what a relay passes on', () => {
  it('are as much as is wanted while the rate suffices', () => {
    expect(passing([12_500, 12_500, 1_000, 20_000])).toEqual([12_500, 12_500, 1_000, 20_000]);
    expect(passing([50_000])).toEqual([50_000]);
  });

  it('take nothing from members below an equal share when one wants twice the rate', () => {
    const [greedy, ...others] = passing([100_000, 5_000, 12_000, 100]);
    expect(others).toEqual([5_000, 12_000, 100]);
    expect(greedy).toBeCloseTo(BYTES_PER_MS - 17_100, -2);
  });

  it('are max-min fair, whatever is wanted', () => {
    const demands = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(demands, (thousands) => {
        const wanted = thousands.map((thousand) => 1_000 * thousand);
        const fair = maxMinFair(wanted);
        // Those that lose are above their share from the beginning: else they use up their room first.
        const atFirst = wanted.map((demand, opener) => (demand > fair[opener]! ? 10 * demand : demand));
        passing(wanted, atFirst).forEach((passed, opener) => {
          expect(Math.abs(passed - fair[opener]!)).toBeLessThan(0.02 * fair[opener]! + 20);
        });
      }),
      { numRuns: fuzzRuns(10) },
    );
  });

  it('leave room for a burst of a member that was silent, beside one that always wants more', () => {
    const shares = new RelayShares(BYTES_PER_MS, ROOM);
    while (shares.take(0, DATAGRAM_BYTES, 0));
    let burst = 0;
    while (shares.take(1, DATAGRAM_BYTES, 0)) burst += DATAGRAM_BYTES;
    expect(burst).toBeGreaterThanOrEqual(ROOM / 4);
    expect(burst).toBeLessThan(ROOM / 2);
  });

  it('are together what the line carries and the room at most, with a backlog of another size for every member', () => {
    const shares = new RelayShares(BYTES_PER_MS, ROOM);
    let passed = 0;
    for (let nowMs = 0; nowMs < 1_000; nowMs++) {
      for (let opener = nowMs % 8; opener < MAX_RELAY_PAIRS; opener += 8) {
        const bytes = 1 + opener;
        if (shares.take(opener, bytes, nowMs)) passed += bytes;
      }
    }
    expect(passed).toBeLessThanOrEqual(ROOM + 1_000 * BYTES_PER_MS);
    expect(passed).toBeGreaterThan(0.98 * 1_000 * BYTES_PER_MS);
  });
});
