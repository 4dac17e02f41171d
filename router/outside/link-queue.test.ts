import { describe, expect, it } from '@jest/globals';
import { HELD_MS, LinkQueue } from './link-queue.js';
import { INSIDE_BUDGET_BYTES } from '../limits.js';

const MS_PER_S = 1000;

/** A link, and a thread with more to send than it carries. */
class Saturated {
  now = 1000;
  waiting = 0;
  carried = 0;
  longest = 0;
  dryMs = 0;
  #read = 0;
  readonly queue = new LinkQueue(() => this.waiting);

  constructor(public bytesPerMs: number) {}

  /** Rounds of the thread, as the forwarder has them. */
  run(ms: number): this {
    const end = this.now + ms;
    while (this.now < end) {
      if (this.queue.isFull(this.#read, this.now)) this.#pass(HELD_MS);
      else {
        this.#read += this.queue.budgetBytes;
        this.waiting += this.queue.budgetBytes;
        this.longest = Math.max(this.longest, this.waiting);
        this.#pass(0.05);
      }
    }
    return this;
  }

  /** Forgets how long the queue was so far. */
  settled(): this {
    this.longest = this.dryMs = this.carried = 0;
    return this;
  }

  #pass(ms: number): void {
    const carried = Math.min(this.waiting, this.bytesPerMs * ms);
    this.dryMs += ms - carried / this.bytesPerMs;
    this.waiting -= carried;
    this.carried += carried;
    this.now += ms;
  }
}

function gigabits(rate: number): number {
  return (rate * 1e9) / 8 / MS_PER_S;
}

describe('the queue of a saturated link', () => {
  it.each([0.5, 1, 2.5, 10, 25])('is short, and does not run dry: %d Gbit/s', (rate) => {
    const link = new Saturated(gigabits(rate)).run(100).settled().run(1000);
    expect(link.longest / link.bytesPerMs).toBeLessThan(rate < 1 ? 4 : 3);
    expect(link.dryMs).toBeLessThan(50);
  });

  it('gets shorter when the link becomes slower, and longer when it becomes faster', () => {
    const link = new Saturated(gigabits(10)).run(200);
    link.bytesPerMs = gigabits(1);
    link.run(200).settled().run(1000);
    expect(link.longest / link.bytesPerMs).toBeLessThan(3);
    link.bytesPerMs = gigabits(10);
    link.run(200).settled().run(1000);
    expect(link.dryMs).toBeLessThan(50);
  });
});

describe('a link that is faster than the thread', () => {
  it('never holds it, and is asked for rarely', () => {
    let asked = 0;
    const queue = new LinkQueue(() => {
      asked++;
      return 0;
    });
    for (let frame = 0; frame < 6400; frame++) expect(queue.isFull(frame * 100, frame * 0.01)).toBe(false);
    expect(asked).toBeLessThanOrEqual(10);
    expect(queue.budgetBytes).toBe(INSIDE_BUDGET_BYTES);
  });
});

describe('the budget of a batch', () => {
  it('is smaller on a slow link, and whole again a second after it', () => {
    const link = new Saturated(gigabits(0.5)).run(200);
    expect(link.queue.budgetBytes).toBeLessThan(INSIDE_BUDGET_BYTES);
    link.waiting = 0;
    link.queue.isFull(Number.MAX_SAFE_INTEGER, link.now + 2000);
    link.queue.isFull(Number.MAX_SAFE_INTEGER, link.now + 2001);
    expect(link.queue.budgetBytes).toBe(INSIDE_BUDGET_BYTES);
  });
});
