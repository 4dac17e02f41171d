import { describe, expect, it } from '@jest/globals';
import { ANSWER, QUESTION } from '../common/host/beat-channel.js';
import { HeddleError } from '../common/errors.js';
import { silentLogger } from '../common/log.js';
import { settle, VirtualClock } from '../common/testing/virtual-clock.js';
import { SupervisedChild } from './supervised-child.js';
import type { ChildProcess } from './supervised-child.js';

class FakeProcess implements ChildProcess {
  readonly signals: string[] = [];
  readonly questions: number[] = [];
  answers = true;
  #onAnswer: (answer: number) => void = () => undefined;
  readonly pid = 4711;
  readonly ended: Promise<number | null>;
  #end: (code: number | null) => void = () => undefined;

  constructor(readonly obeysTerm = true) {
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  end(code: number | null): void {
    this.#end(code);
  }

  ask(question: number): void {
    this.questions.push(question);
    if (this.answers) this.#onAnswer(ANSWER.beat);
  }

  onAnswer(listener: (answer: number) => void): void {
    this.#onAnswer = listener;
  }

  signal(name: Parameters<ChildProcess['signal']>[0]): void {
    this.signals.push(name);
    if (name === 'SIGKILL' || this.obeysTerm) this.#end(null);
  }
}

function harness(make: () => ChildProcess = () => new FakeProcess()) {
  const clock = new VirtualClock();
  const launched: ChildProcess[] = [];
  const gaveUp: true[] = [];
  const child = new SupervisedChild({
    name: 'router',
    launch: () => {
      const started = make();
      launched.push(started);
      return started;
    },
    clock,
    log: silentLogger(),
    question: () => QUESTION.plain,
    onStarted: () => undefined,
    onGiveUp: () => gaveUp.push(true),
  });
  return { clock, launched, gaveUp, child };
}

describe('SupervisedChild', () => {
  it('restarts a child that ended, the first time without delay', async () => {
    const { clock, launched, child } = harness();
    child.start();
    (launched[0] as FakeProcess).end(1);
    await settle();
    clock.advance(0);
    expect(launched).toHaveLength(2);
    expect(child.running).toBe(true);
  });

  it('waits before it restarts a child that keeps ending', async () => {
    const { clock, launched, child } = harness();
    child.start();
    for (let i = 0; i < 2; i++) {
      (launched[i] as FakeProcess).end(1);
      await settle();
      clock.advance(0);
    }
    expect(launched).toHaveLength(2);
    clock.advance(250);
    expect(launched).toHaveLength(3);
  });

  it('repeats a launch that throws', () => {
    let attempts = 0;
    const { clock, child } = harness(() => {
      attempts++;
      if (attempts < 4) throw new HeddleError('PLATFORM_UNSUPPORTED', 'TAP is busy');
      return new FakeProcess();
    });
    child.start();
    clock.advance(10_000);
    expect(attempts).toBe(4);
    expect(child.running).toBe(true);
  });

  it('gives up on exit code 78', async () => {
    const { clock, launched, gaveUp, child } = harness();
    child.start();
    (launched[0] as FakeProcess).end(78);
    await settle();
    clock.advance(60_000);
    expect(gaveUp).toHaveLength(1);
    expect(launched).toHaveLength(1);
  });

  it('stops with SIGTERM and does not start the child again', async () => {
    const { clock, launched, child } = harness();
    child.start();
    await child.stop();
    clock.advance(60_000);
    expect((launched[0] as FakeProcess).signals).toEqual(['SIGTERM']);
    expect(launched).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('kills a child that ignores SIGTERM for five seconds', async () => {
    const { clock, launched, child } = harness(() => new FakeProcess(false));
    child.start();
    const stopped = child.stop();
    clock.advance(4999);
    expect((launched[0] as FakeProcess).signals).toEqual(['SIGTERM']);
    clock.advance(1);
    await stopped;
    expect((launched[0] as FakeProcess).signals).toEqual(['SIGTERM', 'SIGKILL']);
  });

  it('cancels a pending restart when it is stopped', async () => {
    const { clock, launched, child } = harness();
    child.start();
    (launched[0] as FakeProcess).end(1);
    await settle();
    await child.stop();
    clock.advance(60_000);
    expect(launched).toHaveLength(1);
  });

  it('kills and restarts a child that answers no longer', async () => {
    const { clock, launched, child } = harness(() => new FakeProcess(false));
    child.start();
    await clock.advanceSettled(3_000, 1_000);
    const hung = launched[0] as FakeProcess;
    hung.answers = false;
    await clock.advanceSettled(4_000, 1_000);
    expect([child.isSilent, hung.signals]).toEqual([true, []]);
    await clock.advanceSettled(3_000, 1_000);
    expect(hung.signals).toEqual(['SIGKILL']);
    expect(launched).toHaveLength(2);
    expect(child.isSilent).toBe(false);
  });
});
