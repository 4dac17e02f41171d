import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { hex } from '../testing/exchange.js';
import { anyFrame, patternBytes, superFrame } from '../testing/frame-arbitraries.js';
import type { FrameSpec } from '../testing/frame-builder.js';
import { buildRecord, VIRTIO_BYTES } from '../testing/frame-builder.js';
import { segmentAsKernel } from '../testing/kernel-segmentation.js';
import { ETHERNET_BYTES } from './frame.js';
import { checkVirtioHeader } from './virtio-net-header.js';

const V4 = { source: Uint8Array.of(10, 1, 0, 5), destination: Uint8Array.of(10, 2, 0, 7) };
const V6 = { source: patternBytes(16, 1), destination: patternBytes(16, 2) };
const limits = { maxPayloadBytes: 3000, maxSuperBytes: 61000 };

const [anySuperFrame] = fc.sample(superFrame(V4, limits), 1);
const tcp = { kind: 'tcp' as const, sequence: 1, acknowledgement: 2, flags: 0x10, window: 3, urgent: 0 };
const tcpV4: FrameSpec = {
  ...anySuperFrame!,
  ipOptionBytes: 0,
  transport: { ...tcp, options: new Uint8Array(0) },
  payload: patternBytes(3000, 5),
  gsoBytes: 1000,
};
const tcpV6: FrameSpec = { ...tcpV4, ...V6 };
const udpV4: FrameSpec = { ...tcpV4, transport: { kind: 'udp' } };
const plain: FrameSpec = { ...tcpV4, offload: 'checksum', payload: patternBytes(100, 6) };

function check(record: Uint8Array): boolean {
  const frame = VIRTIO_BYTES;
  const l3 = frame + ETHERNET_BYTES;
  return checkVirtioHeader(record, 0, frame, record.length - frame, l3, record[l3]! >>> 4 === 6);
}

/** The record with some of its bytes replaced; offsets below 10 are the virtio header's. */
function changed(spec: FrameSpec, bytes: Readonly<Record<number, number>>): Uint8Array {
  const record = buildRecord(spec);
  for (const [at, value] of Object.entries(bytes)) record[Number(at)] = value;
  return record;
}

const FLAGS = 0;
const TYPE = 1;
const GSO_SIZE = 4;
const START = 6;
const OFFSET = 8;
const L3 = VIRTIO_BYTES + 14;

describe('the check of a virtio-net header', () => {
  it('passes every frame of a pod, and changes nothing that its kernel sees', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(V4, V6).chain((ends) => anyFrame(ends, limits)),
        (spec) => {
          const record = buildRecord(spec);
          const before = hex(segmentAsKernel(record));
          expect(check(record)).toBe(true);
          expect(hex(segmentAsKernel(record))).toEqual(before);
        },
      ),
      { numRuns: fuzzRuns(16) },
    );
  });

  it.each<[string, Uint8Array]>([
    ['a flag that is none', changed(plain, { [FLAGS]: 5 })],
    ['a flag of another virtio version', changed(plain, { [FLAGS]: 0x81 })],
    ['a checksum that begins in the Ethernet header', changed(plain, { [START]: 12 })],
    ['a checksum that begins in the IPv4 header', changed(plain, { [START]: 14 })],
    ['a checksum that begins in IPv4 options', changed({ ...plain, ipOptionBytes: 40 }, { [START]: 34 })],
    ['a checksum that would overwrite an IPv6 address', changed({ ...plain, ...V6 }, { [START]: 34, [OFFSET]: 18 })],
    ['a checksum that begins behind the frame', changed(plain, { [START]: 255, [START + 1]: 255 })],
    ['a checksum field behind the frame', changed(plain, { [OFFSET]: 255, [OFFSET + 1]: 255 })],
    ['a checksum field half behind the frame', changed({ ...plain, payload: new Uint8Array(0) }, { [OFFSET]: 19 })],
    ['a segmentation type that is none', changed(tcpV4, { [TYPE]: 9 })],
    ['UFO, which kernels have given up', changed(udpV4, { [TYPE]: 3 })],
    ['ECN without segmentation', changed(plain, { [TYPE]: 0x80 })],
    ['segmentation without a checksum', changed(tcpV4, { [FLAGS]: 0 })],
    ['IPv4 segmentation of IPv6', changed(tcpV6, { [TYPE]: 1 })],
    ['IPv6 segmentation of IPv4', changed(tcpV4, { [TYPE]: 4 })],
    ['TCP segmentation of UDP', changed(udpV4, { [TYPE]: 1 })],
    ['UDP segmentation of TCP', changed(tcpV4, { [TYPE]: 5 })],
    ['UDP segmentation of TCP over IPv6', changed(tcpV6, { [TYPE]: 5 })],
    ['TCP segmentation that starts behind the IPv4 header', changed(tcpV4, { [START]: 38 })],
    ['TCP segmentation with the checksum field of UDP', changed(tcpV4, { [OFFSET]: 6 })],
    ['UDP segmentation with the checksum field of TCP', changed(udpV4, { [OFFSET]: 16 })],
    ['segments of no bytes', changed(tcpV4, { [GSO_SIZE]: 0, [GSO_SIZE + 1]: 0 })],
    ['segments of no bytes of UDP', changed(udpV4, { [GSO_SIZE]: 0, [GSO_SIZE + 1]: 0 })],
    ['TCP segments that no kernel makes', changed(tcpV4, { [GSO_SIZE]: 7, [GSO_SIZE + 1]: 0 })],
    ['more UDP segments than a kernel makes', buildRecord({ ...udpV4, payload: patternBytes(129, 1), gsoBytes: 1 })],
    ['the segment size by which the kernel means a list', changed(udpV4, { [GSO_SIZE]: 255, [GSO_SIZE + 1]: 255 })],
    ['a TCP header shorter than TCP', changed(tcpV4, { [L3 + 20 + 12]: 0x40 })],
    [
      'a TCP header longer than the frame',
      changed({ ...tcpV4, payload: patternBytes(8, 1) }, { [L3 + 20 + 12]: 0xf0 }),
    ],
    ['segmentation of nothing', changed({ ...tcpV4, payload: new Uint8Array(0) }, {})],
    ['segmentation of a first fragment', changed(tcpV4, { [L3 + 6]: 0x20 })],
    ['segmentation of a later fragment', changed(tcpV4, { [L3 + 7]: 1 })],
  ])('refuses %s', (_what, record) => {
    expect(check(record)).toBe(false);
  });

  it.each([V4, V6])('passes segments as small as the kernel makes them, of $source', (ends) => {
    for (const gsoBytes of [1, 2, 8, 15]) {
      expect(check(buildRecord({ ...udpV4, ...ends, payload: patternBytes(128 * gsoBytes, 1), gsoBytes }))).toBe(true);
    }
    expect(check(buildRecord({ ...tcpV4, ...ends, gsoBytes: 8 }))).toBe(true);
  });

  it('ignores the flag for a verified checksum, and its header length', () => {
    const verified = changed({ ...plain, offload: 'none' }, { [FLAGS]: 2, 2: 0xff, 3: 0xff, [GSO_SIZE]: 9 });
    expect(check(verified)).toBe(true);
    expect([...verified.subarray(0, 6)]).toEqual([0, 0, 0, 0, 0, 0]);
    const both = changed(tcpV4, { [FLAGS]: 3, 2: 0xff, 3: 0xff });
    expect(check(both)).toBe(true);
    expect([...both.subarray(0, 4)]).toEqual([1, 1, 54, 0]);
  });

  it('accepts only headers that stay within the frame', () => {
    const header = fc.uint8Array({ minLength: VIRTIO_BYTES, maxLength: VIRTIO_BYTES });
    fc.assert(
      fc.property(fc.constantFrom(plain, tcpV4, tcpV6, udpV4), header, (spec, bytes) => {
        const record = buildRecord(spec);
        record.set(bytes);
        if (!check(record) || (record[FLAGS]! & 1) === 0) return;
        const start = record[START]! | (record[START + 1]! << 8);
        const field = start + (record[OFFSET]! | (record[OFFSET + 1]! << 8));
        const ipBytes = spec.source.length === 4 ? 20 : 40;
        expect(start).toBeGreaterThanOrEqual(14 + ipBytes);
        expect(field + 2).toBeLessThanOrEqual(record.length - VIRTIO_BYTES);
      }),
      { numRuns: fuzzRuns(120) },
    );
  });
});
