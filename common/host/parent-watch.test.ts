import { describe, expect, it } from '@jest/globals';
import { VirtualClock } from '../testing/virtual-clock.js';
import { watchParent } from './parent-watch.js';

function watched(supervisorPid: string | undefined) {
  const clock = new VirtualClock();
  const state = { parentPid: 100, orphaned: 0 };
  const stop = watchParent({
    supervisorPid,
    parentPid: () => state.parentPid,
    clock,
    onOrphaned: () => state.orphaned++,
  });
  return { clock, state, stop };
}

describe('watchParent', () => {
  it('calls back once, within a second after the supervisor died', () => {
    const { clock, state } = watched('100');
    clock.advance(10_000);
    expect(state.orphaned).toBe(0);
    state.parentPid = 1;
    clock.advance(1_000);
    expect(state.orphaned).toBe(1);
    clock.advance(10_000);
    expect(state.orphaned).toBe(1);
  });

  it('does not watch without a supervisor', () => {
    const { clock, state } = watched(undefined);
    state.parentPid = 1;
    clock.advance(10_000);
    expect(state.orphaned).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('ends when its function is called', () => {
    const { clock, state, stop } = watched('100');
    stop();
    state.parentPid = 1;
    clock.advance(10_000);
    expect(state.orphaned).toBe(0);
  });
});
