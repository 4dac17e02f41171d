import { describe, expect, it } from '@jest/globals';
import { arranged } from './arrange.js';

const rows = [
  { name: 'n10', state: 'up', rttMs: 3, lossRatio: 0 },
  { name: 'n2', state: 'down', rttMs: null, lossRatio: 1 },
  { name: 'n1', state: 'self' },
  { name: 'n3', state: 'sleeping', rttMs: 1, lossRatio: 0.5 },
];
const names = (sortBy: 'name' | 'state' | 'rtt' | 'loss', states: string[] | null = null) =>
  arranged(rows, { sortBy, states }).map(({ name }) => name);

describe('arranged', () => {
  it('sorts by name in natural order', () => {
    expect(names('name')).toEqual(['n1', 'n2', 'n3', 'n10']);
  });

  it('puts the worst first by state, round trip and loss, an unknown state before a good one', () => {
    expect(names('state')).toEqual(['n2', 'n3', 'n10', 'n1']);
    expect(names('rtt')).toEqual(['n10', 'n3', 'n1', 'n2']);
    expect(names('loss')).toEqual(['n2', 'n3', 'n10', 'n1']);
  });

  it('selects by state', () => {
    expect(names('name', ['down', 'up'])).toEqual(['n2', 'n10']);
  });
});
