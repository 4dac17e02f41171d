import { describe, expect, it } from '@jest/globals';
import { SerialQueue } from './serial-queue.js';

describe('a serial queue', () => {
  it('runs work in the order of arrival, one at a time', async () => {
    const queue = new SerialQueue('test', 10);
    const seen: string[] = [];
    const work = (name: string) =>
      queue.run(async () => {
        seen.push(`${name} starts`);
        await Promise.resolve();
        seen.push(`${name} ends`);
      });
    await Promise.all([work('a'), work('b')]);
    expect(seen).toEqual(['a starts', 'a ends', 'b starts', 'b ends']);
  });

  it('goes on after work that failed', async () => {
    const queue = new SerialQueue('test', 10);
    const failed = queue.run(() => Promise.reject(new TypeError('no')));
    const after = queue.run(() => Promise.resolve(1));
    await expect(failed).rejects.toThrow('no');
    await expect(after).resolves.toBe(1);
    expect(queue.pending).toBe(0);
  });

  it('refuses work beyond its bound', async () => {
    const queue = new SerialQueue('test', 1);
    const first = queue.run(() => Promise.resolve(1));
    await expect(queue.run(() => Promise.resolve(2))).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    await expect(first).resolves.toBe(1);
  });
});
