import { describe, expect, it } from '@jest/globals';
import { alignColumns } from './columns.js';

describe('alignColumns', () => {
  it('pads to the widest cell of each column', () => {
    expect(
      alignColumns([
        ['a', '10'],
        ['long', '2'],
      ]),
    ).toBe('a     10\nlong   2');
  });
});
