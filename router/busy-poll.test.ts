import { describe, expect, it } from '@jest/globals';
import { BusyPoll } from './busy-poll.js';

/** A clock that advances by `stepMs` each time it is read. */
function harness(stepMs: number, arrivesAfterLooks: number) {
  const state = { now: 0, looks: 0, step: stepMs, arrives: arrivesAfterLooks, waited: 0 };
  const poll = new BusyPoll(
    () => ++state.looks > state.arrives,
    () => (state.now += state.step),
    () => state.waited,
  );
  return { state, poll };
}

describe('busy polling', () => {
  it('notices a frame that arrives during the poll', () => {
    const { state, poll } = harness(0.001, 10);
    expect(poll.await(state.now)).toBe(true);
  });

  it('polls ever more rarely in vain, and at every call again after a success', () => {
    const { state, poll } = harness(0.001, Infinity);
    const looked = () => {
      state.looks = 0;
      poll.await(state.now);
      return state.looks > 0;
    };
    expect(looked()).toBe(true);
    expect(looked()).toBe(false);
    for (let i = 0; i < 20; i++) {
      state.now += 2000;
      expect(looked()).toBe(true);
    }
    state.now += 900;
    expect(looked()).toBe(false);
    state.now += 200;
    state.arrives = 0;
    expect(looked()).toBe(true);
    expect(looked()).toBe(true);
  });

  it('does not poll while processors are contended', () => {
    const { state, poll } = harness(0.001, 0);
    poll.await(state.now);
    state.now += 20;
    state.waited += 5;
    state.looks = 0;
    expect(poll.await(state.now)).toBe(false);
    state.now += 90;
    expect(poll.await(state.now)).toBe(false);
    expect(state.looks).toBe(0);
    state.now += 20;
    state.waited += 1;
    expect(poll.await(state.now)).toBe(true);
  });
});
