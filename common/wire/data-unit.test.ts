import { describe, expect, it } from '@jest/globals';
import { checkRecord, describeDataUnit, paddedRecordBytes, readRecords } from './data-unit.js';

/** Two records, of 25 and of 24 bytes. */
const UNIT = Uint8Array.of(25, 0, 0, 0, ...new Uint8Array(25).fill(1), 0, 0, 0, 24, 0, 0, 0, ...new Uint8Array(24));

describe('a data unit', () => {
  it('holds records at multiples of four bytes', () => {
    expect([24, 25, 26, 27, 28].map(paddedRecordBytes)).toEqual([28, 32, 32, 32, 32]);
    expect(readRecords(UNIT)).toEqual([new Uint8Array(25).fill(1), new Uint8Array(24)]);
  });

  it('holds no record shorter than its headers or longer than what is left', () => {
    expect(checkRecord(24, 24)).toBe(true);
    expect(checkRecord(23, 24)).toBe(false);
    expect(checkRecord(25, 24)).toBe(false);
    expect(readRecords(UNIT.subarray(0, -1))).toHaveLength(1);
    expect(readRecords(UNIT.with(0, 23))).toEqual([]);
    expect(readRecords(UNIT.subarray(0, 3))).toEqual([]);
  });

  it('is described in a line', () => {
    expect(describeDataUnit(UNIT)).toBe('2 records of 25, 24 bytes');
  });
});
