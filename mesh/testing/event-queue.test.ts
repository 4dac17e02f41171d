import { describe, expect, it } from '@jest/globals';
import { EventQueue } from './event-queue.js';
import { SeededRandom } from './seeded-random.js';

describe('the queue of events', () => {
  /** Numbers of the functions in the order in which they run. */
  const drain = (queue: EventQueue, ran: number[], untilMs = Infinity): number[] => {
    for (let due = queue.popUntil(untilMs); due !== null; due = queue.popUntil(untilMs)) due.occur();
    return ran;
  };

  it('gives what was pushed by time, and by the order of insertion at the same time', () => {
    const random = new SeededRandom(1);
    const queue = new EventQueue();
    const ran: number[] = [];
    const pushed: { atMs: number; number: number }[] = [];
    const push = (atMs: number): void => {
      const number = pushed.length;
      pushed.push({ atMs, number });
      queue.push({ atMs, occur: () => ran.push(number) });
    };
    // Near and far, whole and broken milliseconds, some of them twice.
    for (let i = 0; i < 2000; i++) push(Math.floor(random.fraction() * 40_000) / (i % 2 === 0 ? 1 : 4));
    const expected = [...pushed].sort((a, b) => a.atMs - b.atMs || a.number - b.number).map(({ number }) => number);
    expect(drain(queue, ran)).toEqual(expected);
  });

  it('keeps the order of insertion between what was far away and what is pushed when it has come near', () => {
    const queue = new EventQueue();
    const ran: number[] = [];
    queue.push({ atMs: 10_000, occur: () => ran.push(1) });
    queue.push({ atMs: 9000, occur: () => queue.push({ atMs: 10_000, occur: () => ran.push(2) }) });
    queue.push({ atMs: 9999.5, occur: () => queue.push({ atMs: 10_000, occur: () => ran.push(3) }) });
    expect(drain(queue, ran)).toEqual([1, 2, 3]);
  });

  it('gives nothing that is due later, and takes what is pushed for a time that has passed', () => {
    const queue = new EventQueue();
    const ran: number[] = [];
    queue.push({ atMs: 5000, occur: () => ran.push(2) });
    queue.push({ atMs: 20, occur: () => ran.push(1) });
    expect(drain(queue, ran, 19)).toEqual([]);
    expect(drain(queue, ran, 4999)).toEqual([1]);
    queue.push({ atMs: 3, occur: () => ran.push(3) });
    expect(drain(queue, ran, 4999)).toEqual([1, 3]);
    expect(drain(queue, ran)).toEqual([1, 3, 2]);
  });
});
