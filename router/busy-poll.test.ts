import { describe, expect, it } from '@jest/globals';
import { BusyPoll } from './busy-poll.js';

/** A clock that advances by `stepMs` each time it is read. */
function harness(stepMs: number, arrivesAfterLooks: number) {
  const state = { now: 0, looks: 0, step: stepMs, arrives: arrivesAfterLooks };
  const poll = new BusyPoll(
    () => ++state.looks > state.arrives,
    () => (state.now += state.step),
  );
  return { state, poll };
}

describe('busy polling', () => {
  it('sees what comes shortly after', () => {
    const { poll } = harness(0.001, 10);
    expect(poll.await()).toBe(true);
  });

  it('looks ever more rarely in vain, and often again after a success', () => {
    const { state, poll } = harness(0.001, Infinity);
    const looked = () => {
      state.looks = 0;
      poll.await();
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
});
