import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { Arena } from '../kernel/arena.js';
import { createParsedFrame, ETHERNET_BYTES, FRAME_IPV6, parseFrame } from './frame.js';
import { VIRTIO_NET_HDR_BYTES } from '../kernel/linux-abi.js';
import { createSuperFrame, readSuperFrame, writeSlice } from './super-frame.js';
import { RECORD_LENGTH_BYTES } from '../../common/wire/data-unit.js';
import { framesOnTheWire, hex } from '../testing/exchange.js';
import { packet, patternBytes, superFrame } from '../testing/frame-arbitraries.js';
import type { FrameSpec } from '../testing/frame-builder.js';
import { buildRecord } from '../testing/frame-builder.js';
import { segmentAsKernel } from '../testing/kernel-segmentation.js';

const arena = new Arena(1 << 19);
const ROOM_BYTES = 80_000;
/** As in a unit: records begin at multiples of 4. */
const RECORD = arena.allocate(ROOM_BYTES);
const SLICE = arena.allocate(ROOM_BYTES);
const FRAME = RECORD + RECORD_LENGTH_BYTES + VIRTIO_NET_HDR_BYTES;

const ends = fc.constantFrom(
  { source: Uint8Array.of(10, 1, 0, 5), destination: Uint8Array.of(10, 2, 0, 7) },
  { source: patternBytes(16, 1), destination: patternBytes(16, 2) },
);
const limits = { maxPayloadBytes: 3000, maxSuperBytes: 61000 };

/** The super-frame's parts, or null when it travels whole. */
function read(record: Uint8Array): ReturnType<typeof createSuperFrame> | null {
  arena.u8.set(record, FRAME - VIRTIO_NET_HDR_BYTES);
  const length = record.length - VIRTIO_NET_HDR_BYTES;
  const parsed = createParsedFrame();
  const ipv6 = parseFrame(arena, FRAME, length, parsed) === FRAME_IPV6;
  const parts = createSuperFrame();
  return readSuperFrame(arena.u8, FRAME, length, FRAME + ETHERNET_BYTES, ipv6, parts) ? parts : null;
}

function sliceAll(record: Uint8Array, segmentsPerSlice: number): Uint8Array[] {
  const parts = read(record)!;
  const slices: Uint8Array[] = [];
  const step = segmentsPerSlice * parts.gsoBytes;
  for (let offset = 0; offset < parts.payloadBytes; offset += step) {
    const bytes = Math.min(step, parts.payloadBytes - offset);
    const length = writeSlice(arena.u8, FRAME, parts, offset, bytes, SLICE);
    slices.push(arena.u8.slice(SLICE + RECORD_LENGTH_BYTES, SLICE + RECORD_LENGTH_BYTES + length));
  }
  return slices;
}

const cutShort = (spec: FrameSpec): boolean => spec.source.length === 16 && spec.ipOptionBytes > 0;

describe('slices of a super-frame', () => {
  it('give the frames of the whole when the kernel cuts them', () => {
    fc.assert(
      fc.property(
        ends.chain((pair) => superFrame(pair, limits)),
        fc.integer({ min: 1, max: 64 }),
        (spec, segments) => {
          if (cutShort(spec)) return;
          const record = buildRecord(spec);
          expect(hex(framesOnTheWire(sliceAll(record, segments)))).toEqual(hex(segmentAsKernel(record)));
        },
      ),
      { numRuns: fuzzRuns(16) },
    );
  });

  it('of one segment are plain frames', () => {
    fc.assert(
      fc.property(
        ends.chain((pair) => superFrame(pair, limits)),
        (spec) => {
          if (cutShort(spec)) return;
          for (const slice of sliceAll(buildRecord(spec), 1)) expect(slice[1]).toBe(0);
        },
      ),
      { numRuns: fuzzRuns(8) },
    );
  });

  it('wrap identification and sequence number, and keep FIN and PSH for the last and CWR for the first', () => {
    const [spec] = fc.sample(
      superFrame({ source: Uint8Array.of(10, 1, 0, 5), destination: Uint8Array.of(10, 2, 0, 7) }, limits),
      1,
    );
    const tcp = { kind: 'tcp' as const, sequence: 0xfffffff0, acknowledgement: 9, window: 5, urgent: 0 };
    const transport = { ...tcp, flags: 0x99, options: new Uint8Array(12).fill(1) };
    const frame: FrameSpec = {
      ...spec!,
      ipOptionBytes: 0,
      identification: 0xffff,
      transport,
      payload: patternBytes(300, 3),
      gsoBytes: 100,
    };
    const slices = sliceAll(buildRecord(frame), 1).map((slice) => Buffer.from(slice.subarray(VIRTIO_NET_HDR_BYTES)));
    expect(slices.map((slice) => slice.readUInt16BE(14 + 4))).toEqual([0xffff, 0, 1]);
    expect(slices.map((slice) => slice.readUInt32BE(34 + 4))).toEqual([0xfffffff0, 0x54, 0xb8]);
    expect(slices.map((slice) => slice[34 + 13])).toEqual([0x90, 0x10, 0x19]);
  });
});

describe('a frame that is not sliced', () => {
  it('is a plain packet', () => {
    fc.assert(
      fc.property(
        ends.chain((pair) => packet(pair, limits)),
        (spec) => {
          expect(read(buildRecord(spec))).toBeNull();
        },
      ),
    );
  });

  it('is a super-frame with IPv6 extension headers', () => {
    const v6 = { source: patternBytes(16, 1), destination: patternBytes(16, 2) };
    const [spec] = fc.sample(superFrame(v6, limits), 1);
    expect(read(buildRecord({ ...spec!, ipOptionBytes: 8 }))).toBeNull();
    expect(read(buildRecord({ ...spec!, ipOptionBytes: 0 }))).not.toBeNull();
  });

  it('has a header without payload or segment size', () => {
    const [spec] = fc.sample(
      superFrame({ source: Uint8Array.of(10, 1, 0, 5), destination: Uint8Array.of(10, 2, 0, 7) }, limits),
      1,
    );
    expect(read(buildRecord({ ...spec!, gsoBytes: 0 }))).toBeNull();
    expect(read(buildRecord({ ...spec!, payload: new Uint8Array(0) }))).toBeNull();
  });
});
