import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Deadline, Deadlines, earlier } from './deadlines.js';

const KEYS = 5;
const LATEST_MS = 30;

/** What a map and a look at all its keys would say. */
class Reference {
  readonly #dueMs = new Map<number, number>();

  set(key: number, dueMs: number): void {
    this.#dueMs.set(key, dueMs);
  }

  delete(key: number): void {
    this.#dueMs.delete(key);
  }

  nextMs(): number | null {
    const next = Math.min(...this.#dueMs.values());
    return next === Infinity ? null : next;
  }

  takeDue(nowMs: number): number[] {
    const due = [...this.#dueMs].filter(([, dueMs]) => dueMs <= nowMs).map(([key]) => key);
    for (const key of due) this.#dueMs.delete(key);
    return due;
  }
}

const key = fc.nat(KEYS - 1);
const timeMs = fc.oneof(fc.nat(LATEST_MS), fc.constant(Infinity));
const step = fc.oneof(
  fc.record({ type: fc.constant('set' as const), key, dueMs: timeMs }),
  fc.record({ type: fc.constant('delete' as const), key }),
  fc.record({ type: fc.constant('take' as const), nowMs: fc.nat(LATEST_MS) }),
);

describe('deadlines', () => {
  it('say which keys are due, and when the next one is, whatever was moved', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const deadlines = new Deadlines<number>();
        const held = Array.from({ length: KEYS }, (_, i) => new Deadline(i));
        const reference = new Reference();
        for (const each of steps) {
          if (each.type === 'take') {
            const taken = deadlines.takeDue(each.nowMs);
            expect([...taken].sort()).toEqual(reference.takeDue(each.nowMs).sort());
          } else if (each.type === 'set') {
            deadlines.set(held[each.key]!, each.dueMs);
            reference.set(each.key, each.dueMs);
          } else {
            deadlines.delete(held[each.key]!);
            reference.delete(each.key);
          }
          expect(deadlines.nextMs()).toBe(reference.nextMs());
        }
      }),
      { numRuns: 200 },
    );
  });

  it('are taken the earliest first', () => {
    const deadlines = new Deadlines<string>();
    const [late, early, moved] = ['late', 'early', 'moved'].map((name) => new Deadline(name));
    deadlines.set(late!, 30);
    deadlines.set(early!, 10);
    deadlines.set(moved!, 5);
    deadlines.set(moved!, 20);
    expect(deadlines.takeDue(25)).toEqual(['early', 'moved']);
    expect(deadlines.nextMs()).toBe(30);
  });

  it('are none at Infinity, and none of an owner that is gone', () => {
    const deadlines = new Deadlines<string>();
    const [never, once, gone, later] = ['never', 'once', 'gone', 'later'].map((name) => new Deadline(name));
    deadlines.set(never!, Infinity);
    deadlines.set(once!, 10);
    deadlines.set(once!, Infinity);
    deadlines.set(gone!, 15);
    deadlines.delete(gone!);
    deadlines.set(later!, 20);
    expect(deadlines.nextMs()).toBe(20);
    expect(deadlines.takeDue(30)).toEqual(['later']);
  });
});

describe('the earlier of two times', () => {
  it('is one of those that there are, or null', () => {
    expect([earlier(7, 5), earlier(null, 7), earlier(7, Infinity), earlier(0, null)]).toEqual([5, 7, 7, 0]);
    expect([earlier(null, Infinity), earlier(null, null)]).toEqual([null, null]);
  });
});
