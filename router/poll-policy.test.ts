import { describe, expect, it } from '@jest/globals';
import { BusyPoll } from './busy-poll.js';
import { PollPolicy, pauseFor } from './poll-policy.js';

/** A clock that only the test moves. */
function harness() {
  const state = { now: 1000, looks: 0, pauses: [] as number[], preempting: [] as boolean[] };
  const nowMs = () => state.now;
  const busyPoll = new BusyPoll(
    () => ++state.looks > 0,
    nowMs,
    () => 0,
  );
  const policy = new PollPolicy({
    pause: (us) => state.pauses.push(us),
    setPreempting: (may) => state.preempting.push(may),
    busyPoll,
  });
  const carried = { bytes: 0, framesFromInside: 0, framesFromOutside: 0, moreWaits: false };
  policy.await(state.now, carried);
  state.looks = 0;
  /** A millisecond with this traffic. */
  const carry = (frameBytes: number, fromInside: number, fromOutside: number, moreWaits = false) => {
    state.now += 1;
    carried.bytes += frameBytes * (fromInside + fromOutside);
    carried.framesFromInside += fromInside;
    carried.framesFromOutside += fromOutside;
    return policy.await(state.now, { ...carried, moreWaits });
  };
  return { state, carry };
}

const SMALL_FRAME_BYTES = 116;
const SUPER_FRAME_BYTES = 61_000;

describe('the poll policy', () => {
  it('busy-polls while few packets travel in both directions', () => {
    const { state, carry } = harness();
    for (let i = 0; i < 10; i++) expect(carry(SMALL_FRAME_BYTES, 11, 11)).toBe(true);
    expect(state).toMatchObject({ looks: 10, pauses: [], preempting: [] });
  });

  it('sleeps at once during a stream of large frames, without preempting on wake-up', () => {
    const { state, carry } = harness();
    for (let i = 0; i < 10; i++) expect(carry(SUPER_FRAME_BYTES, 10, 5)).toBe(false);
    expect(state).toMatchObject({ looks: 0, pauses: [], preempting: [false] });
  });

  it('pauses during a flood of small frames in one direction', () => {
    const { state, carry } = harness();
    for (let i = 0; i < 5; i++) expect(carry(SMALL_FRAME_BYTES, 150, 0)).toBe(false);
    for (let i = 0; i < 5; i++) expect(carry(SMALL_FRAME_BYTES, 0, 150)).toBe(false);
    expect(state.looks).toBe(0);
    expect(state.pauses).toEqual(Array(10).fill(150));
  });

  it('does not pause when the last batch left frames behind', () => {
    const { state, carry } = harness();
    carry(SMALL_FRAME_BYTES, 150, 0, true);
    expect(state.pauses).toEqual([]);
  });

  it('busy-polls again after a flood, and preempts again 50 ms later', () => {
    const { state, carry } = harness();
    carry(SMALL_FRAME_BYTES, 150, 0);
    state.pauses = [];
    expect(carry(0, 0, 0)).toBe(true);
    expect(state).toMatchObject({ looks: 1, pauses: [], preempting: [false] });
    for (let i = 0; i < 60; i++) carry(0, 0, 0);
    expect(state.preempting).toEqual([false, true]);
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
