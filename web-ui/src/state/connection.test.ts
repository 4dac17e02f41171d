import { describe, expect, it } from '@jest/globals';
import { retryDelayMs, SILENCE_MS, stepConnection } from './connection.js';
import type { Connection, ConnectionEvent } from './connection.js';

const opening: Connection = { phase: 'opening' };
const live: Connection = { phase: 'live', lastEventMs: 1_000 };
const stale: Connection = { phase: 'stale', sinceMs: 1_000, why: 'before', attempts: 2 };
const event: ConnectionEvent = { type: 'event' };
const failed: ConnectionEvent = { type: 'failed', why: 'gone' };
const tick: ConnectionEvent = { type: 'tick' };

describe('freshness of the page', () => {
  it.each([
    ['opening', opening],
    ['live', live],
    ['stale', stale],
  ])('an event makes it live when %s', (_name, state) => {
    expect(stepConnection(state, event, 9_000)).toEqual({ phase: 'live', lastEventMs: 9_000 });
  });

  it('is stale since the last event after a failure', () => {
    expect(stepConnection(live, failed, 9_000)).toEqual({ phase: 'stale', sinceMs: 1_000, why: 'gone', attempts: 1 });
    expect(stepConnection(opening, failed, 9_000)).toEqual({
      phase: 'stale',
      sinceMs: 9_000,
      why: 'gone',
      attempts: 1,
    });
    expect(stepConnection(stale, failed, 9_000)).toEqual({ phase: 'stale', sinceMs: 1_000, why: 'gone', attempts: 3 });
  });

  it('is stale after silence on an open stream', () => {
    expect(stepConnection(live, tick, 1_000 + SILENCE_MS - 1)).toBe(live);
    expect(stepConnection(live, tick, 1_000 + SILENCE_MS)).toMatchObject({
      phase: 'stale',
      sinceMs: 1_000,
      attempts: 0,
    });
    expect(stepConnection(opening, tick, 99_000)).toBe(opening);
    expect(stepConnection(stale, tick, 99_000)).toBe(stale);
  });

  it('reconnects after growing delays of at most ten seconds', () => {
    const delays = [1, 2, 3, 4, 5, 50].map((attempts) => retryDelayMs({ ...stale, attempts }));
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    expect(retryDelayMs(live)).toBe(1_000);
  });
});
