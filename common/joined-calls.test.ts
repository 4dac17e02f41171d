import { describe, expect, it } from '@jest/globals';
import { JoinedCalls } from './joined-calls.js';
import { settle } from './testing/virtual-clock.js';

describe('JoinedCalls', () => {
  it('makes at once those that came while the program ran', async () => {
    const ends: (() => void)[] = [];
    const made: (readonly number[])[] = [];
    const joined = new JoinedCalls<number>(async (calls) => {
      made.push(calls);
      await new Promise<void>((resolve) => ends.push(resolve));
      return calls.map(() => ({ status: 'fulfilled', value: undefined }));
    }, 8);
    const all = Promise.all(Array.from({ length: 12 }, (_, i) => joined.run(i)));
    for (let run = 0; run < 3; run++) {
      ends[run]!();
      await settle();
    }
    await all;
    expect(made).toEqual([[0], [1, 2, 3, 4, 5, 6, 7, 8], [9, 10, 11]]);
  });

  it('fails all that are made together when they cannot be made', async () => {
    const joined = new JoinedCalls<number>(() => Promise.reject(new Error('disk full')), 8);
    const outcomes = await Promise.allSettled([joined.run(1), joined.run(2)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(joined.isIdle).toBe(true);
  });
});
