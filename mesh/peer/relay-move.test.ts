import { beforeEach, describe, expect, it } from '@jest/globals';
import type { NodeId } from '../../common/node-id.js';
import {
  MAX_RELAY_COMPARE_MS,
  RELAY_COMPARE_MS,
  RELAY_MEASURE_MS,
  RELAY_MEASURED_TIMES,
  RELAY_OFFER_MS,
} from '../relay-limits.js';
import { SeededRandom } from '../testing/seeded-random.js';
import type { RelayCandidate } from './relay-choice.js';
import { RelayMove } from './relay-move.js';
import type { MoveStep } from './relay-move.js';

const id = (number: number) => number.toString(16).padStart(32, '0') as NodeId;
const RTT_MS = 90;
const BETTER_MS = 60;
const WORSE_MS = 61;
const near = (number: number): RelayCandidate => ({
  id: id(number),
  isNeighbour: false,
  isKnown: false,
  rttMs: number,
});

let candidates: RelayCandidate[];
let move: RelayMove;
let nowMs: number;
beforeEach(() => {
  candidates = [near(1)];
  nowMs = 0;
  move = new RelayMove(new SeededRandom(1), nowMs);
});

function step(): MoveStep {
  return move.step(RTT_MS, () => candidates, nowMs);
}

/** Steps on in time to the next one that is not waiting. */
function next(): Exclude<MoveStep, { type: 'wait' }> {
  for (;;) {
    const now = step();
    if (now.type !== 'wait') return now;
    nowMs = now.untilMs;
  }
}

function offer(relay: number, sumMs: number): void {
  expect(next().type).toBe('ask');
  move.offered(id(relay), sumMs);
}

describe('the search for a better relay', () => {
  it('opens a channel through the relay that offers the least, probes it for some time, and moves', () => {
    candidates = [near(3), near(1), near(2), near(4)];
    expect(next()).toEqual({ type: 'ask', relays: [1, 2, 3].map(id) });
    expect(nowMs).toBeGreaterThanOrEqual(0.8 * RELAY_COMPARE_MS);
    move.offered(id(2), 50);
    move.offered(id(3), 40);
    move.offered(id(1), 45);
    move.offered(id(9), 1);
    expect(next()).toEqual({ type: 'open', relay: id(3) });
    const openedMs = nowMs;
    for (let i = 0; i < RELAY_MEASURED_TIMES; i++) {
      expect(next()).toEqual({ type: 'probe', relay: id(3) });
      expect(move.measures(id(3))).toBe(true);
      move.answered(id(3), BETTER_MS, RTT_MS);
    }
    expect(next()).toEqual({ type: 'move', relay: id(3) });
    expect(nowMs - openedMs).toBeCloseTo(RELAY_OFFER_MS + RELAY_MEASURED_TIMES * RELAY_MEASURE_MS);
    expect(move.measures(id(3))).toBe(false);
  });

  it.each([
    ['is not shorter by a third', () => move.answered(id(1), WORSE_MS, RTT_MS)],
    ['does not come', () => undefined],
    ['comes through another relay', () => move.answered(id(2), BETTER_MS, RTT_MS)],
    ['comes while the path in use has no round trip', () => move.answered(id(1), BETTER_MS, null)],
  ])('ends when an answer %s', (_why, answer) => {
    offer(1, BETTER_MS);
    next();
    for (let i = 1; i < RELAY_MEASURED_TIMES; i++) {
      next();
      move.answered(id(1), BETTER_MS, RTT_MS);
    }
    expect(next().type).toBe('probe');
    answer();
    expect(next().type).toBe('ask');
  });

  it('counts a probe that is answered twice once', () => {
    offer(1, BETTER_MS);
    next();
    next();
    for (let i = 0; i < RELAY_MEASURED_TIMES; i++) move.answered(id(1), BETTER_MS, RTT_MS);
    expect(next().type).toBe('probe');
  });

  it('opens nothing for an offer that is not shorter by a third, and asks other members the next time', () => {
    candidates = [1, 2, 3, 4].map(near);
    offer(1, WORSE_MS);
    expect(next()).toEqual({ type: 'ask', relays: [id(4)] });
    expect(next()).toEqual({ type: 'ask', relays: [1, 2, 3].map(id) });
  });

  it('asks nobody who is too far away itself, and nobody while no round trip is known', () => {
    candidates = [near(61)];
    nowMs = 1e6;
    expect(step().type).toBe('wait');
    candidates = [near(1)];
    nowMs = 2e6;
    expect(move.step(null, () => candidates, nowMs).type).toBe('wait');
  });

  it('gains nothing within one site', () => {
    nowMs = 1e6;
    candidates = [{ ...near(1), rttMs: 0.1 }];
    expect(move.step(1, () => candidates, nowMs).type).toBe('wait');
  });

  it('begins again later and later, each time a relay was measured', () => {
    const pauses = Array.from({ length: 7 }, () => {
      const fromMs = nowMs;
      offer(1, BETTER_MS);
      const pauseMs = nowMs - fromMs;
      next();
      next();
      nowMs += RELAY_MEASURE_MS;
      step();
      return pauseMs;
    });
    expect(pauses[1]).toBeGreaterThan(1.2 * RELAY_COMPARE_MS);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(1.2 * MAX_RELAY_COMPARE_MS);
    expect(pauses.at(-1)).toBeGreaterThanOrEqual(0.8 * MAX_RELAY_COMPARE_MS);
  });

  it('ends when there is no time for it', () => {
    offer(1, BETTER_MS);
    next();
    move.rest(nowMs);
    expect([move.measures(id(1)), step().type]).toEqual([false, 'wait']);
  });
});
