import { describe, expect, it } from '@jest/globals';
import { BoundedQueue } from './bounded-queue.js';
import { settle } from './testing/virtual-clock.js';

describe('BoundedQueue', () => {
  it('runs as many operations at once as it may, and the others in order of arrival', async () => {
    const queue = new BoundedQueue(2);
    const begun: number[] = [];
    const ends: (() => void)[] = [];
    const all = [0, 1, 2, 3].map((i) =>
      queue.run(() => {
        begun.push(i);
        return new Promise<void>((resolve) => ends.push(resolve));
      }),
    );
    await settle();
    expect([begun, queue.waiting]).toEqual([[0, 1], 2]);
    ends[1]!();
    await settle();
    expect([begun, queue.waiting]).toEqual([[0, 1, 2], 1]);
    ends[0]!();
    ends[2]!();
    await settle();
    ends[3]!();
    await Promise.all(all);
    expect([begun, queue.waiting]).toEqual([[0, 1, 2, 3], 0]);
  });

  it('goes on after a failed operation', async () => {
    const queue = new BoundedQueue(1);
    const failed = queue.run(() => Promise.reject(new TypeError('broken')));
    const next = queue.run(() => Promise.resolve('done'));
    await expect(failed).rejects.toThrow('broken');
    await expect(next).resolves.toBe('done');
  });
});
