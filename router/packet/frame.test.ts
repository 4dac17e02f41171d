import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import { ipToBytes } from '../../common/address/ip-address.js';
import { Arena } from '../kernel/arena.js';
import { createParsedFrame, FRAME_IPV4, FRAME_IPV6, FRAME_OTHER, FRAME_TOO_SHORT, parseFrame } from './frame.js';
import { addressWords } from '../tables/prefix-table.js';
import { packet } from '../testing/frame-arbitraries.js';
import { buildRecord, frameOf } from '../testing/frame-builder.js';

const arena = new Arena(1 << 18);
/** A frame begins 2 bytes behind a 4-byte boundary, so that layer 3 is aligned. */
const AT = arena.allocate(70_000) + 2;
const parsed = createParsedFrame();

function parse(frame: Uint8Array, length = frame.length): number {
  // What lies behind the frame must not matter: it reads as the largest header lengths.
  arena.u8.fill(0xff, AT, AT + 200);
  arena.u8.set(frame, AT);
  return parseFrame(arena, AT, length, parsed);
}

const v4 = { source: ipToBytes(parseIpAddress('10.1.0.5')), destination: ipToBytes(parseIpAddress('10.2.0.7')) };
const v6 = { source: ipToBytes(parseIpAddress('fd00:0:1::5')), destination: ipToBytes(parseIpAddress('fd00:0:2::7')) };
const limits = { maxPayloadBytes: 100, maxSuperBytes: 100 };

function ethernet(etherType: number[], rest: number[]): Uint8Array {
  return Uint8Array.from([...new Array<number>(12).fill(2), ...etherType, ...rest]);
}

describe('parseFrame', () => {
  it('finds both addresses', () => {
    fc.assert(
      fc.property(packet(v4, limits), (spec) => {
        expect(parse(frameOf(buildRecord(spec)))).toBe(FRAME_IPV4);
        expect([...parsed.words]).toEqual([
          ...addressWords(parseIpAddress('10.1.0.5')),
          ...addressWords(parseIpAddress('10.2.0.7')),
        ]);
      }),
      { numRuns: fuzzRuns(40) },
    );
    fc.assert(
      fc.property(packet(v6, limits), (spec) => {
        expect(parse(frameOf(buildRecord(spec)))).toBe(FRAME_IPV6);
        expect([...parsed.words]).toEqual([
          ...addressWords(parseIpAddress('fd00:0:1::5')),
          ...addressWords(parseIpAddress('fd00:0:2::7')),
        ]);
      }),
      { numRuns: fuzzRuns(40) },
    );
  });

  it('never reads a header that the frame does not hold', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(v4, v6).chain((ends) => packet(ends, limits)),
        fc.nat(),
        (spec, cut) => {
          const frame = frameOf(buildRecord(spec));
          const headerBytes = spec.source.length === 4 ? 20 + spec.ipOptionBytes : 40;
          const length = cut % (frame.length + 1);
          expect(parse(frame, length) === FRAME_TOO_SHORT).toBe(length < 14 + headerBytes);
        },
      ),
      { numRuns: fuzzRuns(40) },
    );
  });

  it.each([
    ['an empty frame', ethernet([], []).subarray(0, 0)],
    ['less than Ethernet', ethernet([0x08, 0x00], []).subarray(0, 13)],
    ['IPv4 that says version 6', ethernet([0x08, 0x00], [0x65, ...new Array<number>(40).fill(0)])],
    ['IPv4 with a header of 16 bytes', ethernet([0x08, 0x00], [0x44, ...new Array<number>(40).fill(0)])],
    ['IPv4 whose options are missing', ethernet([0x08, 0x00], [0x4f, ...new Array<number>(19).fill(0)])],
    ['IPv6 that says version 4', ethernet([0x86, 0xdd], [0x45, ...new Array<number>(60).fill(0)])],
  ])('refuses %s', (_what, frame) => {
    expect(parse(frame)).toBe(FRAME_TOO_SHORT);
  });

  it.each([
    ['ARP', [0x08, 0x06], new Array<number>(28).fill(0)],
    ['LLDP', [0x88, 0xcc], new Array<number>(28).fill(0)],
    ['IPv4 behind a VLAN tag', [0x81, 0x00], [0, 1, 0x08, 0x00, 0x45, ...new Array<number>(19).fill(0)]],
  ])('does not take %s for IP', (_what, etherType, rest) => {
    expect(parse(ethernet(etherType, rest))).toBe(FRAME_OTHER);
  });

  it.each(['source', 'destination'] as const)('does not take IPv6 with an IPv4-mapped %s for IPv4', (end) => {
    const mapped = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 0, 5);
    const [spec] = fc.sample(packet({ ...v6, [end]: mapped }, limits), 1);
    expect(parse(frameOf(buildRecord(spec!)))).toBe(FRAME_OTHER);
  });
});
