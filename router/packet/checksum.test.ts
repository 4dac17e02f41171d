import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import {
  fold,
  pseudoHeaderSum,
  sumWords,
  writeIcmpv6Checksum,
  writeIpv4Checksum,
  writePartialChecksum,
} from './checksum.js';
import { internetChecksum, onesComplementSum, pseudoHeader } from '../testing/internet-checksum.js';
import { patternBytes } from '../testing/frame-arbitraries.js';

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 80 }),
  fc.constantFrom(0, 1, 1499, 65535).map((length) => new Uint8Array(length).fill(0xff)),
  fc.tuple(fc.integer({ min: 0, max: 65535 }), fc.nat()).map(([length, seed]) => patternBytes(length, seed)),
);
const place = fc.nat(7);

/** The bytes somewhere in a larger memory. */
function placed(content: Uint8Array, at: number): Uint8Array {
  const memory = new Uint8Array(at + content.length + 8).fill(0xa5);
  memory.set(content, at);
  return memory;
}

describe('checksums', () => {
  it('equal the reference at any offset and any length up to the largest frame', () => {
    fc.assert(
      fc.property(bytes, place, (content, at) => {
        const sum = fold(sumWords(placed(content, at), at, content.length, 0));
        expect(sum).toBe(onesComplementSum(content));
      }),
      { numRuns: fuzzRuns(12) },
    );
  });

  it('fold the largest sum there can be', () => {
    expect(fold(32768 * 0xffff)).toBe(onesComplementSum(new Uint8Array(65536).fill(0xff)));
  });

  it('of an IPv4 header hold for every header length', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 5, max: 15 }),
        fc.uint8Array({ minLength: 60, maxLength: 60 }),
        place,
        (words, header, at) => {
          header[0] = 0x40 | words;
          const memory = placed(header, at);
          writeIpv4Checksum(memory, at);
          expect(internetChecksum(memory.subarray(at, at + words * 4))).toBe(0);
          expect(memory.subarray(at + words * 4, at + 60)).toEqual(header.subarray(words * 4));
        },
      ),
      { numRuns: fuzzRuns(40) },
    );
  });

  it('of a pseudo-header equal the reference for both families', () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.uint8Array({ minLength: 60, maxLength: 60 }),
        fc.constantFrom(6, 17, 58),
        fc.integer({ min: 0, max: 65535 }),
        (ipv6, packet, protocol, length) => {
          const [at, size] = ipv6 ? [8, 16] : [12, 4];
          const source = packet.subarray(at, at + size);
          const destination = packet.subarray(at + size, at + 2 * size);
          const expected = onesComplementSum(pseudoHeader(source, destination, protocol, length));
          expect(pseudoHeaderSum(packet, 0, ipv6, protocol, length)).toBe(expected);
          writePartialChecksum(packet, 0, ipv6, protocol, length, 50);
          expect(packet[50]! * 256 + packet[51]!).toBe(expected);
        },
      ),
      { numRuns: fuzzRuns(40) },
    );
  });

  it('of ICMPv6 hold together with the pseudo-header', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 44, maxLength: 200 }), (packet) => {
        packet[42] = packet[43] = 0;
        const length = packet.length - 40;
        writeIcmpv6Checksum(packet, 0, 40, length);
        const pseudo = pseudoHeader(packet.subarray(8, 24), packet.subarray(24, 40), 58, length);
        expect(internetChecksum(Uint8Array.of(...pseudo, ...packet.subarray(40)))).toBe(0);
      }),
      { numRuns: fuzzRuns(40) },
    );
  });
});
