import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../../test/fuzz/fuzz-runs.js';
import { DecodeError } from '../../../common/errors.js';
import { PcapReader } from './pcap-reader.js';

const LITTLE = (at: number, value: number, into: Buffer): void => void into.writeUInt32LE(value, at);
const BIG = (at: number, value: number, into: Buffer): void => void into.writeUInt32BE(value, at);

function fileHeader(put: typeof LITTLE, linkType = 1): Buffer {
  const header = Buffer.alloc(24);
  put(0, 0xa1b2c3d4, header);
  put(20, linkType, header);
  return header;
}

function packet(put: typeof LITTLE, bytes: Buffer, originalLength = bytes.length): Buffer {
  const header = Buffer.alloc(16);
  put(8, bytes.length, header);
  put(12, originalLength, header);
  return Buffer.concat([header, bytes]);
}

describe('PcapReader', () => {
  it.each([
    ['little-endian', LITTLE],
    ['big-endian', BIG],
  ])('reads %s captures however they are cut', (_name, put) => {
    const cuts = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 10 });
    const packets = fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 6 });
    fc.assert(
      fc.property(packets, cuts, (contents, at) => {
        const file = Buffer.concat([
          fileHeader(put),
          ...contents.map((bytes) => packet(put, Buffer.from(bytes), 1500)),
        ]);
        const edges = [0, ...at.sort((a, b) => a - b).map((edge) => Math.min(edge, file.length)), file.length];
        const reader = new PcapReader();
        const read = edges.slice(1).flatMap((end, i) => reader.push(file.subarray(edges[i], end)));
        expect(read.map(({ bytes }) => [...bytes])).toEqual(contents.map((bytes) => [...bytes]));
        expect(read.every(({ originalLength }) => originalLength === 1500)).toBe(true);
      }),
      { numRuns: fuzzRuns(40) },
    );
  });

  it('refuses what is no capture, not Ethernet, or announces an absurd packet', () => {
    expect(() => new PcapReader().push(Buffer.alloc(24))).toThrow(DecodeError);
    expect(() => new PcapReader().push(fileHeader(LITTLE, 113))).toThrow('link type 113');
    const absurd = Buffer.alloc(16);
    absurd.writeUInt32LE(1 << 30, 8);
    expect(() => new PcapReader().push(Buffer.concat([fileHeader(LITTLE), absurd]))).toThrow('1073741824 bytes');
  });
});
