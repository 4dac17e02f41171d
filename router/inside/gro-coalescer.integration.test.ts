import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Arena } from '../kernel/arena.js';
import { Counters } from '../tables/counters.js';
import { DROP } from '../tables/drop-reasons.js';
import { createParsedFrame, ETHERNET_BYTES, FRAME_IPV6, parseFrame } from '../packet/frame.js';
import { UDP_MAX_SEGMENTS } from '../kernel/linux-abi.js';
import { GroCoalescer } from './gro-coalescer.js';
import { queuesOf } from '../testing/queues.js';
import { framesOnTheWire, hex } from '../testing/exchange.js';
import { anyFrame, patternBytes, stream } from '../testing/frame-arbitraries.js';
import type { FrameSpec, TcpFields } from '../testing/frame-builder.js';
import { buildRecord, VIRTIO_BYTES } from '../testing/frame-builder.js';
import { PacketPair } from '../testing/packet-pair.js';

const arena = new Arena(4 << 20);
const ROOM = arena.allocate(3 << 20, 4096);
const tap = new PacketPair();
const counters = new Counters();
const coalescer = new GroCoalescer(arena, queuesOf(arena, [tap.near]), counters, true);
const withoutUso = new GroCoalescer(arena, queuesOf(arena, [tap.near]), counters, false);
afterAll(() => tap.close());

/** Pushes all records, laid out as in a unit, and returns what was written. */
function coalesce(records: readonly Uint8Array[], into = coalescer): Uint8Array[] {
  const parsed = createParsedFrame();
  const written: Uint8Array[] = [];
  let at = ROOM;
  for (const record of records) {
    const header = at + 4;
    const frame = header + VIRTIO_BYTES;
    arena.u8.set(record, header);
    const kind = parseFrame(arena, frame, record.length - VIRTIO_BYTES, parsed);
    into.push(header, record.length, frame + ETHERNET_BYTES, kind === FRAME_IPV6);
    written.push(...tap.receiveAll());
    at = (header + record.length + 3) & ~3;
  }
  into.flush();
  return [...written, ...tap.receiveAll()];
}

const V4 = { source: Uint8Array.of(10, 1, 0, 5), destination: Uint8Array.of(10, 2, 0, 7) };
const V6 = { source: patternBytes(16, 1), destination: patternBytes(16, 2) };
const ends = fc.constantFrom(V4, V6);

const tcp: TcpFields = {
  kind: 'tcp',
  sequence: 1000,
  acknowledgement: 2,
  flags: 0x10,
  window: 3,
  urgent: 0,
  options: new Uint8Array(12).fill(1),
};
const [drawn] = fc.sample(stream(V4, 1), 1);
const head: FrameSpec = {
  ...drawn![0]!,
  ...V4,
  transport: tcp,
  payload: patternBytes(500, 1),
  offload: 'checksum',
  identification: 10,
};
const next: FrameSpec = {
  ...head,
  identification: 11,
  transport: { ...tcp, sequence: 1500 },
  payload: patternBytes(500, 2),
};

/** Everything in which two frames may differ; each makes another frame of the same flow. */
const difference = fc.constantFrom<Partial<FrameSpec> & { readonly tcp?: Partial<TcpFields> }>(
  { trafficClass: 77 },
  { hopLimit: 3 },
  { identification: 0x1234 },
  { fragment: 0 },
  { fragment: 0x8000 },
  { sourcePort: 1 },
  { destinationPort: 1 },
  { offload: 'none' },
  { payload: new Uint8Array(0), offload: 'checksum' },
  { payload: patternBytes(3000, 9), offload: 'segmentation', gsoBytes: 99 },
  { tcp: { acknowledgement: 1 } },
  { tcp: { window: 1 } },
  { tcp: { urgent: 1 } },
  { tcp: { sequence: 1 } },
  { tcp: { flags: 0x11 } },
  { tcp: { flags: 0x18 } },
  { tcp: { flags: 0x90 } },
  { tcp: { flags: 0x50 } },
  { tcp: { flags: 0x30 } },
  { tcp: { options: new Uint8Array(12).fill(0) } },
  { tcp: { options: new Uint8Array(16).fill(1) } },
);

function differ(
  spec: FrameSpec,
  { tcp: fields, ...rest }: Partial<FrameSpec> & { tcp?: Partial<TcpFields> },
): FrameSpec {
  const { transport } = spec;
  return { ...spec, ...rest, transport: transport.kind === 'tcp' ? { ...transport, ...fields } : transport };
}

function expectSameFrames(specs: readonly FrameSpec[], into = coalescer): Uint8Array[] {
  const records = specs.map(buildRecord);
  const written = coalesce(records, into);
  expect(hex(framesOnTheWire(written))).toEqual(hex(framesOnTheWire(records)));
  return written;
}

describe('the GRO coalescer', () => {
  it('writes what the kernel cuts back into exactly the frames that went in', () => {
    fc.assert(
      fc.property(
        ends.chain((pair) => stream(pair, 60)),
        (specs) => {
          expectSameFrames(specs);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('does so with frames of any kind among them', () => {
    const limits = { maxPayloadBytes: 2000, maxSuperBytes: 20000 };
    const mixed = ends.chain((pair) =>
      fc.tuple(stream(pair, 30), fc.array(fc.tuple(fc.nat(30), anyFrame(pair, limits)), { maxLength: 5 })),
    );
    fc.assert(
      fc.property(mixed, ([specs, others]) => {
        const all = [...specs];
        for (const [at, other] of others) all.splice(at % (all.length + 1), 0, other);
        expectSameFrames(all);
      }),
      { numRuns: 50 },
    );
  });

  it('never coalesces frames that differ in a header', () => {
    const changes = fc.array(fc.tuple(fc.nat(30), difference), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(
        ends.chain((pair) => stream(pair, 30)),
        changes,
        (specs, edits) => {
          const all = [...specs];
          for (const [at, edit] of edits) all[at % all.length] = differ(all[at % all.length]!, edit);
          expectSameFrames(all);
        },
      ),
      { numRuns: 120 },
    );
  });

  it('coalesces neighbouring frames of one flow', () => {
    expect(expectSameFrames([head, next])).toHaveLength(1);
    expect(expectSameFrames([head, next].map((spec) => ({ ...spec, ...V6, identification: 10 })))).toHaveLength(1);
    const datagrams = [head, next].map((spec) => ({ ...spec, transport: { kind: 'udp' as const } }));
    expect(expectSameFrames(datagrams)).toHaveLength(1);
  });

  it.each<[string, Partial<FrameSpec>]>([
    ['another urgent pointer', { transport: { ...tcp, sequence: 1500, urgent: 5 } }],
    ['another window', { transport: { ...tcp, sequence: 1500, window: 5 } }],
    ['a gap in sequence', { transport: { ...tcp, sequence: 1501 } }],
    ['a gap in identification', { identification: 12 }],
    ['a larger segment', { payload: patternBytes(501, 1) }],
    ['a complete checksum', { offload: 'none' }],
    ['IPv4 options', { ipOptionBytes: 4 }],
  ])('does not coalesce %s', (_what, change) => {
    expect(expectSameFrames([head, { ...next, ...change }])).toHaveLength(2);
  });

  it('ends a super-frame after PSH and after a shorter segment', () => {
    const pushed = { ...next, transport: { ...tcp, sequence: 1500, flags: 0x18 } };
    const third = { ...next, identification: 12, transport: { ...tcp, sequence: 2000 } };
    expect(expectSameFrames([head, pushed, third])).toHaveLength(2);
    const short = { ...next, payload: patternBytes(20, 1) };
    const after = { ...third, transport: { ...tcp, sequence: 1520 }, payload: patternBytes(20, 1) };
    expect(expectSameFrames([head, short, after])).toHaveLength(2);
  });

  it('writes no UDP super-frame with more segments than every kernel takes', () => {
    const gsoBytes = 100;
    const specs = Array.from({ length: 12 }, (_, i) => ({
      ...head,
      identification: 10 + i * 20,
      transport: { kind: 'udp' as const },
      payload: patternBytes(20 * gsoBytes, i),
      offload: 'segmentation' as const,
      gsoBytes,
    }));
    for (const record of expectSameFrames(specs)) {
      expect(framesOnTheWire([record]).length).toBeLessThanOrEqual(UDP_MAX_SEGMENTS);
    }
  });

  it('writes no frame longer than the length field of IP can say', () => {
    const specs = Array.from({ length: 100 }, (_, i) => ({
      ...head,
      identification: 10 + i,
      transport: { ...tcp, sequence: i * 1448 },
      payload: patternBytes(1448, i),
    }));
    for (const record of expectSameFrames(specs)) expect(record.length).toBeLessThanOrEqual(65535);
  });

  it('does not coalesce a datagram whose UDP length contradicts its packet', () => {
    const records = [head, next].map((spec) => buildRecord({ ...spec, transport: { kind: 'udp' } }));
    const lengthAt = VIRTIO_BYTES + 14 + 20 + 4;
    records[1]![lengthAt + 1] = (records[1]![lengthAt + 1]! + 1) & 255;
    expect(coalesce(records)).toHaveLength(2);
  });

  it('coalesces no UDP without USO', () => {
    const datagrams = [head, next].map((spec) => ({ ...spec, transport: { kind: 'udp' as const } }));
    expect(expectSameFrames(datagrams, withoutUso)).toHaveLength(2);
    expect(expectSameFrames([head, next], withoutUso)).toHaveLength(1);
  });

  it('writes no UDP super-frame without USO', () => {
    const udp = fc.record({ gsoBytes: fc.integer({ min: 16, max: 1448 }), segments: fc.integer({ min: 2, max: 40 }) });
    fc.assert(
      fc.property(ends, udp, (pair, { gsoBytes, segments }) => {
        const payload = patternBytes(gsoBytes * segments - 3, 1);
        const spec: FrameSpec = {
          ...head,
          ...pair,
          transport: { kind: 'udp' },
          payload,
          offload: 'segmentation',
          gsoBytes,
        };
        const written = expectSameFrames([spec, spec], withoutUso);
        for (const record of written) expect(record[1]).toBe(0);
      }),
    );
  });

  it('counts the writes that the TAP refuses, and continues', () => {
    const closed = new PacketPair();
    closed.close();
    const broken = new GroCoalescer(arena, queuesOf(arena, [closed.near]), counters, true);
    const before = counters.drops[DROP.tapWriteFailed]!;
    expect(coalesce([buildRecord(head), buildRecord(next), buildRecord({ ...head, trafficClass: 1 })], broken)).toEqual(
      [],
    );
    expect(counters.drops[DROP.tapWriteFailed]).toBe(before + 2);
  });
});
