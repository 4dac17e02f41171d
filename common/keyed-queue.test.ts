import { describe, expect, it } from '@jest/globals';
import { KeyedQueue } from './keyed-queue.js';

/** Notes start and end of operations, which take one turn of the event loop. */
function recorder(queue: KeyedQueue) {
  const seen: string[] = [];
  const run = (key: string, name: string) =>
    queue.run(key, async () => {
      seen.push(`${name} starts`);
      await Promise.resolve();
      seen.push(`${name} ends`);
    });
  return { seen, run };
}

describe('a keyed queue', () => {
  it('runs operations of one key in order of arrival, one at a time', async () => {
    const { seen, run } = recorder(new KeyedQueue('test', 10));
    await Promise.all([run('x', 'a'), run('x', 'b')]);
    expect(seen).toEqual(['a starts', 'a ends', 'b starts', 'b ends']);
  });

  it('runs operations of different keys at the same time', async () => {
    const { seen, run } = recorder(new KeyedQueue('test', 10));
    await Promise.all([run('x', 'a'), run('y', 'b')]);
    expect(seen).toEqual(['a starts', 'b starts', 'a ends', 'b ends']);
  });

  it('continues after a failed operation', async () => {
    const queue = new KeyedQueue('test', 10);
    const failed = queue.run('x', () => Promise.reject(new TypeError('no')));
    const after = queue.run('x', () => Promise.resolve(1));
    await expect(failed).rejects.toThrow('no');
    await expect(after).resolves.toBe(1);
    expect(queue.pending).toBe(0);
  });

  it('says which keys are busy, and forgets a key when its last operation ended', async () => {
    const queue = new KeyedQueue('test', 10);
    const running = queue.run('x', () => Promise.resolve());
    expect([queue.isBusy('x'), queue.isBusy('y')]).toEqual([true, false]);
    await running;
    expect(queue.isBusy('x')).toBe(false);
  });

  it('refuses operations beyond its bound over all keys', async () => {
    const queue = new KeyedQueue('test', 1);
    const first = queue.run('x', () => Promise.resolve(1));
    await expect(queue.run('y', () => Promise.resolve(2))).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    await expect(first).resolves.toBe(1);
  });
});
