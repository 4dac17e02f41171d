import { describe, expect, it } from '@jest/globals';
import { sortRows } from './sort-rows.js';

describe('sorting of rows', () => {
  it('sorts numbers in texts by value', () => {
    expect(sortRows(['node-10', 'node-2'], (row) => row, false)).toEqual(['node-2', 'node-10']);
    expect(sortRows([2, 10, 1], (row) => row, true)).toEqual([10, 2, 1]);
  });

  it('puts unknown values last in both directions', () => {
    expect(sortRows([null, 2, 1], (row) => row, false)).toEqual([1, 2, null]);
    expect(sortRows([null, 2, 1], (row) => row, true)).toEqual([2, 1, null]);
  });

  it('does not change its input', () => {
    const rows = [2, 1];
    sortRows(rows, (row) => row, false);
    expect(rows).toEqual([2, 1]);
  });
});
