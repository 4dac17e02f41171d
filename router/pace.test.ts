import { describe, expect, it } from '@jest/globals';
import { BusyPoll } from './busy-poll.js';
import { Pace, pauseFor } from './pace.js';

/** A clock that only the test moves. */
function harness() {
  const state = { now: 1000, looks: 0, pauses: [] as number[], interrupting: [] as boolean[] };
  const nowMs = () => state.now;
  const busyPoll = new BusyPoll(() => ++state.looks > 0, nowMs);
  const pace = new Pace(
    {
      nowMs,
      pause: (us) => state.pauses.push(us),
      setInterrupting: (may) => state.interrupting.push(may),
    },
    busyPoll,
  );
  let [bytes, frames] = [0, 0];
  pace.await(0, 0, false);
  state.looks = 0;
  /** A millisecond in which so much went through. */
  const carry = (moreBytes: number, moreFrames: number, batchWasFull = false) => {
    state.now += 1;
    return pace.await((bytes += moreBytes), (frames += moreFrames), batchWasFull);
  };
  return { state, carry };
}

const SMALL_FRAME_BYTES = 116;
const SUPER_FRAME_BYTES = 61_000;

describe('waiting, by what the thread carries', () => {
  it('looks again while a few packets go to and fro', () => {
    const { state, carry } = harness();
    for (let i = 0; i < 10; i++) expect(carry(20 * SMALL_FRAME_BYTES, 20)).toBe(true);
    expect(state).toMatchObject({ looks: 10, pauses: [], interrupting: [] });
  });

  it('sleeps at once while large frames stream, and interrupts nobody', () => {
    const { state, carry } = harness();
    for (let i = 0; i < 10; i++) expect(carry(10 * SUPER_FRAME_BYTES, 10)).toBe(false);
    expect(state).toMatchObject({ looks: 0, pauses: [], interrupting: [false] });
  });

  it('pauses while small frames flood in', () => {
    const { state, carry } = harness();
    for (let i = 0; i < 10; i++) expect(carry(150 * SMALL_FRAME_BYTES, 150)).toBe(false);
    expect(state.looks).toBe(0);
    expect(state.pauses).toEqual(Array(10).fill(150));
  });

  it('does not pause while more is waiting already', () => {
    const { state, carry } = harness();
    carry(150 * SMALL_FRAME_BYTES, 150, true);
    expect(state.pauses).toEqual([]);
  });

  it('is as it was soon after a flood', () => {
    const { state, carry } = harness();
    carry(150 * SMALL_FRAME_BYTES, 150);
    state.pauses = [];
    expect(carry(0, 0)).toBe(true);
    expect(state).toMatchObject({ looks: 1, pauses: [], interrupting: [false] });
    for (let i = 0; i < 60; i++) carry(0, 0);
    expect(state.interrupting).toEqual([false, true]);
  });
});

describe('pauseFor', () => {
  it.each([
    [0, 0],
    [20, 0],
    [40, 75],
    [60, 150],
    [1e6, 150],
  ])('%d frames a millisecond: %d us', (framesPerMs, us) => expect(pauseFor(framesPerMs)).toBe(us));
});
