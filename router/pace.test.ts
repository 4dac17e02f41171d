import { describe, expect, it } from '@jest/globals';
import { BusyPoll } from './busy-poll.js';
import { Pace, pauseFor } from './pace.js';

/** A clock that only the test moves. */
function harness() {
  const state = { now: 1000, looks: 0, pauses: [] as number[], interrupting: [] as boolean[] };
  const nowMs = () => state.now;
  const busyPoll = new BusyPoll(
    () => ++state.looks > 0,
    nowMs,
    () => 0,
  );
  const pace = new Pace(
    {
      pause: (us) => state.pauses.push(us),
      setInterrupting: (may) => state.interrupting.push(may),
    },
    busyPoll,
  );
  const carried = { bytes: 0, framesFromInside: 0, framesFromOutside: 0, moreWaits: false };
  pace.await(state.now, carried);
  state.looks = 0;
  /** A millisecond in which so much went through. */
  const carry = (frameBytes: number, fromInside: number, fromOutside: number, moreWaits = false) => {
    state.now += 1;
    carried.bytes += frameBytes * (fromInside + fromOutside);
    carried.framesFromInside += fromInside;
    carried.framesFromOutside += fromOutside;
    return pace.await(state.now, { ...carried, moreWaits });
  };
  return { state, carry };
}

const SMALL_FRAME_BYTES = 116;
const SUPER_FRAME_BYTES = 61_000;

describe('waiting, by what the thread carries', () => {
  it('looks again while a few packets go to and fro', () => {
    const { state, carry } = harness();
    for (let i = 0; i < 10; i++) expect(carry(SMALL_FRAME_BYTES, 11, 11)).toBe(true);
    expect(state).toMatchObject({ looks: 10, pauses: [], interrupting: [] });
  });

  it('sleeps at once while large frames stream, and interrupts nobody', () => {
    const { state, carry } = harness();
    for (let i = 0; i < 10; i++) expect(carry(SUPER_FRAME_BYTES, 10, 5)).toBe(false);
    expect(state).toMatchObject({ looks: 0, pauses: [], interrupting: [false] });
  });

  it('pauses while small frames flood in', () => {
    const { state, carry } = harness();
    for (let i = 0; i < 5; i++) expect(carry(SMALL_FRAME_BYTES, 150, 0)).toBe(false);
    for (let i = 0; i < 5; i++) expect(carry(SMALL_FRAME_BYTES, 0, 150)).toBe(false);
    expect(state.looks).toBe(0);
    expect(state.pauses).toEqual(Array(10).fill(150));
  });

  it('does not pause while more is waiting already', () => {
    const { state, carry } = harness();
    carry(SMALL_FRAME_BYTES, 150, 0, true);
    expect(state.pauses).toEqual([]);
  });

  it('is as it was soon after a flood', () => {
    const { state, carry } = harness();
    carry(SMALL_FRAME_BYTES, 150, 0);
    state.pauses = [];
    expect(carry(0, 0, 0)).toBe(true);
    expect(state).toMatchObject({ looks: 1, pauses: [], interrupting: [false] });
    for (let i = 0; i < 60; i++) carry(0, 0, 0);
    expect(state.interrupting).toEqual([false, true]);
  });
});

describe('pauseFor', () => {
  it.each([
    { fromInside: 0, fromOutside: 0, us: 0 },
    { fromInside: 8, fromOutside: 0, us: 0 },
    { fromInside: 25, fromOutside: 0, us: 150 },
    { fromInside: 0, fromOutside: 1e6, us: 150 },
    { fromInside: 12, fromOutside: 12, us: 0 },
    { fromInside: 66, fromOutside: 66, us: 75 },
    { fromInside: 100, fromOutside: 100, us: 150 },
  ])('$fromInside frames a millisecond from the pods and $fromOutside from the peers: $us us', (c) =>
    expect(pauseFor(c.fromInside, c.fromOutside)).toBe(c.us),
  );
});
