import { describe, expect, it } from '@jest/globals';
import { staleNames } from './run-directory.js';

const DEAD = 'hd00c0ffee-';
const ALIVE = 'hd12345678-';
const isAlive = (prefix: string): Promise<boolean> => Promise.resolve(prefix === ALIVE);

describe('staleNames', () => {
  it('are all names of a run that has ended, and none of a live one', async () => {
    const names = [`${DEAD}n1`, `${ALIVE}n1`, `${DEAD}demo`, `${ALIVE}lock`, `${DEAD}lock`];
    expect(await staleNames(names, isAlive)).toEqual([`${DEAD}n1`, `${DEAD}demo`, `${DEAD}lock`]);
  });

  it('are no names of another form', async () => {
    const names = ['hd', 'hda-n1', 'hd00c0ffee', 'hd00c0ffeex-n1', `x${DEAD}n1`, 'cni-1234', 'hd00c0ff-n1'];
    expect(await staleNames(names, isAlive)).toEqual([]);
  });
});
