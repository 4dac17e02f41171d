import { describe, expect, it } from '@jest/globals';
import { AAD_BYTES, fragmentBytesFor, fragmentsFor, NONCE_BYTES, writeAssociatedData } from './sealed-unit.js';

describe('a sealed unit', () => {
  it('binds counter, type, lane, number of fragments and length in these bytes', () => {
    const data = new Uint8Array(AAD_BYTES);
    writeAssociatedData(data, 0, { counter: 0xa1b2c3d4e5f6, type: 5, lane: 2, fragments: 3 }, 0x1234);
    expect(data).toEqual(Uint8Array.of(0, 0, 0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 5, 2, 3, 0x12, 0x34));
    expect([AAD_BYTES, NONCE_BYTES]).toEqual([13, 12]);
  });

  it('is cut into fragments of a multiple of four bytes that fit the path', () => {
    expect(fragmentBytesFor(1500, 28 + 16)).toBe(1456);
    expect(fragmentBytesFor(1500, 48 + 16)).toBe(1436);
    expect(fragmentBytesFor(1403, 28 + 16)).toBe(1356);
    expect(fragmentsFor(1456, 1456)).toBe(1);
    expect(fragmentsFor(1457, 1456)).toBe(2);
  });
});
