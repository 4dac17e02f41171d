import { describe, expect, it } from '@jest/globals';
import {
  checkDatagram,
  COUNTER_LOW_WORD,
  DATAGRAM_HEADER_BYTES,
  datagramType,
  describeHeader,
  fragmentIn,
  fragmentsIn,
  HEADER_WORDS,
  INDEX_WORD,
  laneIn,
  LENGTH_COUNTER_WORD,
  packFields,
  readHeader,
  TYPE_COOKIE,
  TYPE_DATA,
  typeIn,
  writeHeader,
  writeMessageHeader,
} from './datagram-header.js';
import type { DatagramHeader } from './datagram-header.js';

const HEADER: DatagramHeader = {
  type: 5,
  lane: 2,
  fragment: 1,
  fragments: 3,
  index: 0xfeed0007,
  unitBytes: 0x1234,
  counter: 0x0000a1b2c3d4e5f6 % 2 ** 48,
};
const BYTES = Uint8Array.of(5, 2, 1, 3, 0xfe, 0xed, 0, 7, 0x12, 0x34, 0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6);

/** A datagram with this header and one byte behind it. */
function datagram(header: DatagramHeader): Uint8Array {
  const bytes = new Uint8Array(DATAGRAM_HEADER_BYTES + 1);
  writeHeader(bytes, header);
  return bytes;
}

describe('the header of a datagram', () => {
  it('has these bytes', () => {
    expect(datagram(HEADER).subarray(0, DATAGRAM_HEADER_BYTES)).toEqual(BYTES);
    expect(readHeader(BYTES)).toEqual(HEADER);
    expect(datagramType(BYTES)).toBe(TYPE_DATA);
    expect(datagramType(new Uint8Array(0))).toBe(0);
  });

  it('has these words in the memory of a little-endian machine', () => {
    const words = new Uint32Array(BYTES.slice().buffer);
    expect(words).toHaveLength(HEADER_WORDS);
    expect(words[0]).toBe(packFields(HEADER.type, HEADER.lane, HEADER.fragment, HEADER.fragments));
    const fields = words[0]!;
    expect([typeIn(fields), laneIn(fields), fragmentIn(fields), fragmentsIn(fields)]).toEqual([5, 2, 1, 3]);
    expect(words[INDEX_WORD]).toBe(0x0700edfe);
    expect(words[LENGTH_COUNTER_WORD]).toBe(0xb2a13412);
    expect(words[COUNTER_LOW_WORD]).toBe(0xf6e5d4c3);
  });

  it('of a message has one fragment and zeros', () => {
    const bytes = new Uint8Array(DATAGRAM_HEADER_BYTES);
    writeMessageHeader(bytes, TYPE_COOKIE, 0x01020304);
    expect(bytes).toEqual(Uint8Array.of(4, 0, 0, 1, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0));
  });

  it.each<[string, Partial<DatagramHeader>, boolean]>([
    ['a fragment of a unit', {}, true],
    ['no known type', { type: 0 }, false],
    ['a type of a later version', { type: 8 }, false],
    ['a lane that no node has', { lane: 16 }, false],
    ['a fragment behind the last', { fragment: 3 }, false],
    ['too many fragments', { fragments: 65 }, false],
    ['a unit shorter than its tag', { unitBytes: 15 }, false],
    ['a message', { type: 1, lane: 0, fragment: 0, fragments: 1, unitBytes: 0, counter: 0 }, true],
    ['a message with a lane', { type: 1, fragment: 0, fragments: 1, unitBytes: 0, counter: 0 }, false],
    ['a message of two fragments', { type: 1, lane: 0, fragment: 0, unitBytes: 0, counter: 0 }, false],
    ['a message with a counter', { type: 1, lane: 0, fragment: 0, fragments: 1, unitBytes: 0 }, false],
  ])('is checked: %s', (_what, change, valid) => {
    expect(checkDatagram(datagram({ ...HEADER, ...change }))).toBe(valid);
  });

  it('is refused without a byte behind it', () => {
    expect(checkDatagram(BYTES)).toBe(false);
    expect(checkDatagram(BYTES.subarray(0, 3))).toBe(false);
  });

  it('is described in a line', () => {
    expect(describeHeader({ ...HEADER, counter: 9 })).toBe(
      'data, lane 2, fragment 2 of 3, session 0xfeed0007, unit 9 of 4660 bytes',
    );
    expect(describeHeader({ ...HEADER, type: 1, index: 0 })).toBe('initiation, session 0x00000000');
    expect(describeHeader({ ...HEADER, type: 99 })).toBe('type 99, session 0xfeed0007');
  });
});
