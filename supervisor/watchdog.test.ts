import { describe, expect, it } from '@jest/globals';
import { ANSWER } from '../common/host/beat-channel.js';
import { VirtualClock } from '../common/testing/virtual-clock.js';
import { Watchdog } from './watchdog.js';

function harness() {
  const clock = new VirtualClock();
  /** Time that passed while timers did not run. */
  const stood = { ms: 0 };
  const child = { answer: ANSWER.beat as number | null, traced: false };
  const hangs: number[] = [];
  const watchdog: Watchdog = new Watchdog({
    clock: {
      nowMs: () => clock.nowMs() + stood.ms,
      wallTime: () => clock.wallTime(),
      after: (delayMs, run) => clock.after(delayMs, run),
    },
    ask: () => (child.answer === null ? undefined : watchdog.answered(child.answer)),
    isTraced: () => child.traced,
    onHang: (silentMs) => hangs.push(silentMs),
  });
  const pass = (seconds: number) => {
    for (let second = 0; second < seconds; second++) clock.advance(1_000);
  };
  return { clock, stood, child, hangs, watchdog, pass };
}

describe('Watchdog', () => {
  it('leaves a child alone that answers', () => {
    const { hangs, pass } = harness();
    pass(3_600);
    expect(hangs).toEqual([]);
  });

  it('reports a hang once, after five questions without an answer', () => {
    const { child, hangs, pass } = harness();
    pass(10);
    child.answer = null;
    pass(5);
    expect(hangs).toEqual([]);
    pass(60);
    expect(hangs).toEqual([5_000]);
  });

  it('calls a child silent after two questions, until it answers again', () => {
    const { child, watchdog, pass } = harness();
    pass(10);
    child.answer = null;
    pass(1);
    expect(watchdog.isSilent).toBe(false);
    pass(1);
    expect(watchdog.isSilent).toBe(true);
    child.answer = ANSWER.beat;
    pass(1);
    expect(watchdog.isSilent).toBe(false);
  });

  it('gives a child that says that it starts 30 s between two answers', () => {
    const { child, hangs, watchdog, pass } = harness();
    child.answer = ANSWER.starting;
    pass(10);
    child.answer = null;
    pass(29);
    expect([watchdog.isSilent, hangs]).toEqual([false, []]);
    child.answer = ANSWER.running;
    pass(1);
    child.answer = null;
    pass(10);
    expect(hangs).toEqual([5_000]);
  });

  it('gives a child 30 s for its first answer', () => {
    const { child, hangs, watchdog, pass } = harness();
    child.answer = null;
    pass(30);
    expect([hangs, watchdog.isSilent]).toEqual([[], false]);
    pass(1);
    expect(hangs).toEqual([30_000]);
  });

  it('does not count time in which the supervisor did not run', () => {
    const { stood, child, hangs, pass } = harness();
    pass(10);
    child.answer = null;
    pass(4);
    stood.ms = 60_000;
    pass(4);
    expect(hangs).toEqual([]);
  });

  it('does not count time under a debugger', () => {
    const { child, hangs, pass } = harness();
    pass(10);
    Object.assign(child, { answer: null, traced: true });
    pass(3_600);
    expect(hangs).toEqual([]);
  });

  it('does not count a breakpoint of a child whose inspector is open', () => {
    const { child, hangs, pass } = harness();
    child.answer = ANSWER.inspected;
    pass(10);
    child.answer = null;
    pass(3_600);
    expect(hangs).toEqual([]);
  });

  it('asks nothing any more once it is stopped', () => {
    const { clock, watchdog } = harness();
    watchdog.stop();
    expect(clock.pending).toBe(0);
  });
});
