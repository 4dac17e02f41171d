/** Arbitraries (fast-check) of the frames that pods send: both families, every offload, every optional field. */
import fc from 'fast-check';
import type { FrameSpec, Offload, TcpFields } from './frame-builder.js';

/** Addresses between which frames go. */
export interface Ends {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

export interface FrameLimits {
  /** Payload of a frame that is one packet; at least 1. */
  readonly maxPayloadBytes: number;
  /** Payload of a super-frame. */
  readonly maxSuperBytes: number;
}

const SOURCE_MAC = Uint8Array.of(0x0a, 0x58, 10, 1, 0, 5);
const DESTINATION_MAC = Uint8Array.of(0x0a, 0x58, 10, 2, 0, 7);
const ACK = 0x10;

const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
/** Values at which counters wrap are as likely as all others together. */
const wrapping16 = fc.oneof(u16, fc.integer({ min: 0xffd0, max: 0xffff }));
const wrapping32 = fc.oneof(u32, fc.integer({ min: 0xffff0000, max: 0xffffffff }));

/** Bytes that differ at every offset, from one number: drawing each of 60 000 bytes would be too slow. */
export function patternBytes(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

function payload(maxBytes: number, minBytes = 0): fc.Arbitrary<Uint8Array> {
  const length = fc.oneof(
    fc.integer({ min: minBytes, max: Math.min(maxBytes, minBytes + 100) }),
    fc.integer({ min: minBytes, max: Math.min(maxBytes, 3000) }),
    fc.integer({ min: minBytes, max: maxBytes }),
  );
  return fc.tuple(length, u32).map(([bytes, seed]) => patternBytes(bytes, seed));
}

const tcpOptions = fc.constantFrom(0, 12, 20, 40).map((bytes) => new Uint8Array(bytes).fill(1));

export const tcpFields: fc.Arbitrary<TcpFields> = fc.record({
  kind: fc.constant('tcp' as const),
  sequence: wrapping32,
  acknowledgement: u32,
  flags: fc.oneof(
    fc.constantFrom(ACK, ACK | 0x08, ACK | 0x01, ACK | 0x89, ACK | 0x40),
    fc.integer({ min: 0, max: 255 }),
  ),
  window: u16,
  urgent: fc.constantFrom(0, 0, 0, 77),
  options: tcpOptions,
});

function base(ends: Ends) {
  return {
    destinationMac: fc.constant(DESTINATION_MAC),
    sourceMac: fc.constant(SOURCE_MAC),
    source: fc.constant(ends.source),
    destination: fc.constant(ends.destination),
    trafficClass: fc.integer({ min: 0, max: 255 }),
    hopLimit: fc.integer({ min: 1, max: 255 }),
    identification: wrapping16,
    sourcePort: u16,
    destinationPort: u16,
  };
}

function optionBytes(ends: Ends): fc.Arbitrary<number> {
  return ends.source.length === 4 ? fc.constantFrom(0, 0, 0, 4, 40) : fc.constantFrom(0, 0, 0, 8, 24);
}

/** One packet: TCP or UDP with or without its checksum, another protocol, or a fragment. */
export function packet(ends: Ends, limits: FrameLimits): fc.Arbitrary<FrameSpec> {
  const offload = fc.constantFrom<Offload>('none', 'checksum');
  const common = { ...base(ends), ipOptionBytes: optionBytes(ends), gsoBytes: fc.constant(0), offload };
  const bytes = payload(limits.maxPayloadBytes);
  return fc.oneof(
    fc.record({ ...common, fragment: fc.constantFrom(0, 0x4000), transport: tcpFields, payload: bytes }),
    fc.record({
      ...common,
      fragment: fc.constantFrom(0, 0x4000),
      transport: fc.constant({ kind: 'udp' as const }),
      payload: bytes,
    }),
    fc.record({
      ...common,
      fragment: fc.constantFrom(0x2000, 0x20b9, 0x00b9),
      transport: fc.constantFrom(1, 6, 17, 47, 44, 132).map((protocol) => ({ kind: 'opaque' as const, protocol })),
      payload: bytes,
    }),
  );
}

/** Segments of UDP that a kernel sends at once. */
const MAX_UDP_SEGMENTS = 128;

/** TSO and USO super-frames; a segment has from 8 bytes (UDP: 1) to all of the payload. */
export function superFrame(ends: Ends, limits: FrameLimits): fc.Arbitrary<FrameSpec> {
  const gsoBytes = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(1228, 1348, 1388, 1448, 8948) },
    { weight: 3, arbitrary: fc.integer({ min: 500, max: 9000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 100 }) },
  );
  return fc
    .record({
      ...base(ends),
      ipOptionBytes: optionBytes(ends),
      fragment: fc.constant(0x4000),
      offload: fc.constant('segmentation' as const),
      transport: fc.oneof(tcpFields, fc.constant({ kind: 'udp' as const })),
      payload: payload(limits.maxSuperBytes, 1),
      gsoBytes,
    })
    .map((spec) => ({ ...withSegments(spec), transport: withoutSyn(spec.transport) }));
}

/** As many segments, and as small ones, as a kernel makes. */
function withSegments<Spec extends FrameSpec>(spec: Spec): Spec {
  if (spec.transport.kind === 'tcp') return { ...spec, gsoBytes: Math.max(8, spec.gsoBytes) };
  return { ...spec, payload: spec.payload.subarray(0, MAX_UDP_SEGMENTS * spec.gsoBytes) };
}

/** A kernel never cuts a SYN or RST. */
function withoutSyn(transport: FrameSpec['transport']): FrameSpec['transport'] {
  return transport.kind === 'tcp' ? { ...transport, flags: (transport.flags | ACK) & ~0x26 } : transport;
}

export function anyFrame(ends: Ends, limits: FrameLimits): fc.Arbitrary<FrameSpec> {
  return fc.oneof({ weight: 3, arbitrary: packet(ends, limits) }, { weight: 2, arbitrary: superFrame(ends, limits) });
}

/** Consecutive segments of one flow, which coalesce. */
export function stream(ends: Ends, maxSegments: number): fc.Arbitrary<FrameSpec[]> {
  return fc
    .tuple(
      fc.record({
        ...base(ends),
        ipOptionBytes: fc.constant(0),
        fragment: fc.constantFrom(0, 0x4000),
        transport: fc.oneof(
          tcpFields.map((fields) => ({ ...fields, flags: ACK })),
          fc.constant({ kind: 'udp' as const }),
        ),
      }),
      fc.constantFrom(18, 100, 536, 1348, 1448),
      fc.array(fc.record({ segments: fc.integer({ min: 1, max: 8 }), odd: fc.nat(99), flags: fc.nat(60) }), {
        minLength: 1,
        maxLength: maxSegments,
      }),
    )
    .map(([head, gsoBytes, pieces]) => continueStream(head, gsoBytes, pieces));
}

interface Piece {
  readonly segments: number;
  /** Below 85: whole segments. */
  readonly odd: number;
  readonly flags: number;
}

type Head = Omit<FrameSpec, 'payload' | 'offload' | 'gsoBytes'>;

function continueStream(head: Head, gsoBytes: number, pieces: readonly Piece[]): FrameSpec[] {
  let sequence = head.transport.kind === 'tcp' ? head.transport.sequence : 0;
  let identification = head.identification;
  return pieces.map(({ segments, odd, flags }, i) => {
    const bytes = odd < 85 ? segments * gsoBytes : (segments - 1) * gsoBytes + 1 + (odd % (gsoBytes - 1));
    const { transport } = head;
    const spec: FrameSpec = {
      ...head,
      identification,
      transport: transport.kind === 'tcp' ? { ...transport, sequence, flags: pieceFlags(flags) } : transport,
      payload: patternBytes(bytes, i + bytes),
      offload: segments === 1 ? 'checksum' : 'segmentation',
      gsoBytes,
    };
    sequence = (sequence + bytes) % 2 ** 32;
    identification = (identification + Math.ceil(bytes / gsoBytes)) & 0xffff;
    return spec;
  });
}

/** ACK as a rule; now and then PSH, ECE, FIN or CWR with it. */
function pieceFlags(draw: number): number {
  return ACK | ({ 0: 0x08, 1: 0x40, 2: 0x01, 3: 0x80, 4: 0x20 }[draw] ?? 0);
}
