import { describe, expect, it } from '@jest/globals';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import {
  FIRST_BURST,
  HERD_INTERVAL_MS,
  MAX_HERD_WAIT_MS,
  MAX_PLACES,
  MAX_PLACES_PER_ADDRESS,
  PLACE_MS,
} from '../limits.js';
import { SeededRandom } from '../testing/seeded-random.js';
import { HandshakeBudget } from './handshake-budget.js';
import type { Claim } from './handshake-budget.js';

const claim = (number: number, changes: Partial<Claim> = {}): Claim => ({
  id: `node-${number}` as NodeId,
  ip: parseIpAddress(`10.0.${number >> 8}.${number & 255}`),
  framesWait: false,
  hasCookie: false,
  ...changes,
});

/** A budget at which nodes with frames hold so many places. */
function budgetWith(held: number): HandshakeBudget {
  const budget = new HandshakeBudget(new SeededRandom(1));
  for (let i = 0; i < held; i++) {
    expect(budget.waitOf(claim(i, { framesWait: true }), 0)).toBeNull();
    budget.take(i, claim(i), 0);
  }
  return budget;
}

describe('the budget of handshakes', () => {
  it('keeps half of its places for nodes whose frames wait', () => {
    const budget = budgetWith(MAX_PLACES / 2);
    expect(budget.waitOf(claim(1000), 0)).toBe(HERD_INTERVAL_MS);
    expect(budget.waitOf(claim(1001, { framesWait: true }), 0)).toBeNull();
  });

  it('tells a herd to come one after the other, those with frames before the rest', () => {
    const budget = budgetWith(MAX_PLACES);
    const waits = [1000, 1001, 1002].map((i) => budget.waitOf(claim(i, { framesWait: true }), 0));
    expect(waits).toEqual([1, 2, 3].map((i) => i * HERD_INTERVAL_MS));
    expect(budget.waitOf(claim(1003), 0)).toBe(4 * HERD_INTERVAL_MS);
    expect(budget.waitOf(claim(1004, { framesWait: true }), 0)).toBe(4 * HERD_INTERVAL_MS);
  });

  it('spreads what is beyond the longest wait, which it never exceeds', () => {
    const budget = budgetWith(MAX_PLACES);
    const waits = Array.from({ length: 5000 }, (_, i) => budget.waitOf(claim(1000 + i, { framesWait: true }), 0)!);
    expect(Math.max(...waits)).toBeLessThanOrEqual(MAX_HERD_WAIT_MS);
    const last = waits.slice(-1000);
    expect(Math.min(...last)).toBeLessThan(MAX_HERD_WAIT_MS * 0.55);
    expect(Math.max(...last)).toBeGreaterThan(MAX_HERD_WAIT_MS * 0.95);
  });

  it('lets nobody in before those that were told to wait, who bring their cookie', () => {
    const budget = budgetWith(MAX_PLACES);
    budget.waitOf(claim(1000, { framesWait: true }), 0);
    for (let i = 0; i < MAX_PLACES; i++) budget.release(i);
    expect(budget.waitOf(claim(1001), 1)).not.toBeNull();
    expect(budget.waitOf(claim(1000, { framesWait: true, hasCookie: true }), HERD_INTERVAL_MS)).toBeNull();
  });

  it('takes a place back that nobody confirms', () => {
    const budget = budgetWith(MAX_PLACES);
    expect(budget.waitOf(claim(1000), PLACE_MS - 1)).not.toBeNull();
    expect(budget.waitOf(claim(1000, { hasCookie: true }), PLACE_MS)).toBeNull();
  });

  it('gives one address a quarter of the places', () => {
    const budget = new HandshakeBudget(new SeededRandom(1));
    const { ip } = claim(1);
    for (let i = 0; i < MAX_PLACES_PER_ADDRESS; i++) budget.take(i, claim(i, { ip }), 0);
    expect(budget.waitOf(claim(2, { ip, framesWait: true }), 0)).not.toBeNull();
    expect(budget.waitOf(claim(3, { framesWait: true, hasCookie: true }), 0)).toBeNull();
  });

  it('believes a member that says that frames wait a few times only', () => {
    const budget = budgetWith(MAX_PLACES);
    const liar = claim(2000, { framesWait: true });
    for (let i = 0; i < FIRST_BURST; i++) budget.waitOf(liar, 0);
    for (let i = 0; i < 100; i++) budget.waitOf(liar, 0);
    expect(budget.waitOf(claim(2001, { framesWait: true }), 0)).toBe((FIRST_BURST + 1) * HERD_INTERVAL_MS);
  });

  it('leaves places to others when many members of few addresses come again and again and never confirm', () => {
    const budget = new HandshakeBudget(new SeededRandom(1));
    let index = 0;
    const come = (who: Claim, nowMs: number): boolean => {
      const isIn = budget.waitOf(who, nowMs) === null;
      if (isIn) budget.take(index++, who, nowMs);
      return isIn;
    };
    const liars = Array.from({ length: 64 }, (_, i) =>
      claim(i, { ip: parseIpAddress(`192.0.2.${i % 4}`), framesWait: true, hasCookie: true }),
    );
    const honest: boolean[] = [];
    for (let nowMs = 0; nowMs < 30_000; nowMs += 200) {
      for (const liar of liars) come(liar, nowMs);
      if (nowMs < 2 * PLACE_MS) continue;
      honest.push(come(claim(5000 + nowMs, { hasCookie: true }), nowMs));
      if (honest.at(-1) === true) budget.release(index - 1);
    }
    expect(honest.filter((isIn) => !isIn)).toEqual([]);
  });
});
