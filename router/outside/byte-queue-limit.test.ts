import { describe, expect, it } from '@jest/globals';
import { ByteQueueLimit, HELD_MS } from './byte-queue-limit.js';
import { NOTHING_CARRIED } from '../carried.js';
import { INSIDE_BUDGET_BYTES } from '../limits.js';

const MS_PER_S = 1000;

/** An interface, and a thread with more to send than the interface carries. */
class SaturatedInterface {
  now = 1000;
  queued = 0;
  carried = 0;
  longest = 0;
  emptyMs = 0;
  #read = NOTHING_CARRIED;
  readonly limit = new ByteQueueLimit(() => this.queued);

  constructor(public bytesPerMs: number) {}

  /** Rounds of the thread, as the forwarder has them. */
  run(ms: number): this {
    const end = this.now + ms;
    while (this.now < end) {
      if (this.limit.isReached(this.#read, this.now)) this.#pass(HELD_MS);
      else {
        this.#read += this.limit.budgetBytes;
        this.queued += this.limit.budgetBytes;
        this.longest = Math.max(this.longest, this.queued);
        this.#pass(0.05);
      }
    }
    return this;
  }

  /** Resets the measurements. */
  settled(): this {
    this.longest = this.emptyMs = this.carried = 0;
    return this;
  }

  #pass(ms: number): void {
    const carried = Math.min(this.queued, this.bytesPerMs * ms);
    this.emptyMs += ms - carried / this.bytesPerMs;
    this.queued -= carried;
    this.carried += carried;
    this.now += ms;
  }
}

function gigabits(rate: number): number {
  return (rate * 1e9) / 8 / MS_PER_S;
}

describe('the queue of a saturated interface', () => {
  it.each([0.5, 1, 2.5, 10, 25])('stays short and does not run empty at %d Gbit/s', (rate) => {
    const nic = new SaturatedInterface(gigabits(rate)).run(100).settled().run(1000);
    expect(nic.longest / nic.bytesPerMs).toBeLessThan(rate < 1 ? 4 : 3);
    expect(nic.emptyMs).toBeLessThan(50);
  });

  it('follows a rate that falls and rises', () => {
    const nic = new SaturatedInterface(gigabits(10)).run(200);
    nic.bytesPerMs = gigabits(1);
    nic.run(200).settled().run(1000);
    expect(nic.longest / nic.bytesPerMs).toBeLessThan(3);
    nic.bytesPerMs = gigabits(10);
    nic.run(200).settled().run(1000);
    expect(nic.emptyMs).toBeLessThan(50);
  });
});

describe('an interface that is faster than the thread', () => {
  it('never holds the thread, and is measured rarely', () => {
    let measured = 0;
    const limit = new ByteQueueLimit(() => {
      measured++;
      return 0;
    });
    const reached = Array.from({ length: 6400 }, (_, frame) => limit.isReached(frame * 100, frame * 0.01));
    expect(reached).not.toContain(true);
    expect(measured).toBeLessThanOrEqual(10);
    expect(limit.budgetBytes).toBe(INSIDE_BUDGET_BYTES);
  });
});

describe('the budget of a batch', () => {
  it('is smaller on a slow interface, and whole again a second later', () => {
    const nic = new SaturatedInterface(gigabits(0.5)).run(200);
    expect(nic.limit.budgetBytes).toBeLessThan(INSIDE_BUDGET_BYTES);
    nic.queued = 0;
    nic.limit.isReached(Number.MAX_SAFE_INTEGER, nic.now + 2000);
    nic.limit.isReached(Number.MAX_SAFE_INTEGER, nic.now + 2001);
    expect(nic.limit.budgetBytes).toBe(INSIDE_BUDGET_BYTES);
  });
});
