/**
 * Builder of frames for tests, field by field from a description, as a pod's kernel hands them to the TAP: a record is the
 * virtio-net header (10 bytes) and the frame. Shares no code with the router.
 */
import { internetChecksum, onesComplementSum, pseudoHeader } from './internet-checksum.js';

export const VIRTIO_BYTES = 10;
const NEEDS_CHECKSUM = 1;
const GSO_ECN = 0x80;
const TCP_CWR = 0x80;

/** How much of the work was left to a device: nothing, the checksum, or checksum and cutting into segments. */
export type Offload = 'none' | 'checksum' | 'segmentation';

export interface TcpFields {
  readonly kind: 'tcp';
  readonly sequence: number;
  readonly acknowledgement: number;
  /** CWR 80, ECE 40, URG 20, ACK 10, PSH 08, RST 04, SYN 02, FIN 01. */
  readonly flags: number;
  readonly window: number;
  readonly urgent: number;
  /** A multiple of 4 bytes, at most 40. */
  readonly options: Uint8Array;
}

export interface UdpFields {
  readonly kind: 'udp';
}

/** Any other protocol, and fragments: opaque bytes. */
export interface OpaqueFields {
  readonly kind: 'opaque';
  readonly protocol: number;
}

export interface FrameSpec {
  readonly destinationMac: Uint8Array;
  readonly sourceMac: Uint8Array;
  /** 4 or 16 bytes each. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly trafficClass: number;
  readonly hopLimit: number;
  /** IPv4: identification, flags and fragment offset as on the wire. IPv6: the flow label is the identification. */
  readonly identification: number;
  readonly fragment: number;
  /** IPv4 options or IPv6 extension headers (one destination-options header), a multiple of 4 and 8 bytes. */
  readonly ipOptionBytes: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly transport: TcpFields | UdpFields | OpaqueFields;
  readonly payload: Uint8Array;
  readonly offload: Offload;
  /** Payload bytes per segment, with `segmentation`. */
  readonly gsoBytes: number;
}

export function bytesOf(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => Array.from(part)));
}

const u16 = (value: number): number[] => [(value >>> 8) & 255, value & 255];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value)];
const u16le = (value: number): number[] => [value & 255, (value >>> 8) & 255];

/** The record that a TAP with checksum and segmentation offload would give for this frame. */
export function buildRecord(spec: FrameSpec): Uint8Array {
  const ethernet = ethernetHeader(spec);
  const transportBytes = transportHeader(spec).length + spec.payload.length;
  const ip = ipHeader(spec, transportBytes);
  const transport = withChecksum(spec, transportBytes);
  const start = ethernet.length + ip.length;
  const frame = new Uint8Array(start + transportBytes);
  frame.set(ethernet);
  frame.set(ip, ethernet.length);
  frame.set(transport, start);
  return bytesOfRecord(virtioHeader(spec, start), frame);
}

export function frameOf(record: Uint8Array): Uint8Array {
  return record.subarray(VIRTIO_BYTES);
}

function bytesOfRecord(header: Uint8Array, frame: Uint8Array): Uint8Array {
  const record = new Uint8Array(header.length + frame.length);
  record.set(header);
  record.set(frame, header.length);
  return record;
}

function ethernetHeader(spec: FrameSpec): Uint8Array {
  const etherType = spec.source.length === 4 ? 0x0800 : 0x86dd;
  return bytesOf(spec.destinationMac, spec.sourceMac, u16(etherType));
}

function protocolOf({ transport }: FrameSpec): number {
  if (transport.kind === 'opaque') return transport.protocol;
  return transport.kind === 'tcp' ? 6 : 17;
}

function ipHeader(spec: FrameSpec, transportBytes: number): Uint8Array {
  return spec.source.length === 4 ? ipv4Header(spec, transportBytes) : ipv6Header(spec, transportBytes);
}

function ipv4Header(spec: FrameSpec, transportBytes: number): Uint8Array {
  const headerBytes = 20 + spec.ipOptionBytes;
  const header = bytesOf(
    [0x40 | (headerBytes / 4), spec.trafficClass, ...u16(headerBytes + transportBytes)],
    [...u16(spec.identification), ...u16(spec.fragment)],
    [spec.hopLimit, protocolOf(spec), 0, 0],
    spec.source,
    spec.destination,
    // No-operation options (RFC 791).
    new Uint8Array(spec.ipOptionBytes).fill(1),
  );
  header.set(u16(internetChecksum(header)), 10);
  return header;
}

function ipv6Header(spec: FrameSpec, transportBytes: number): Uint8Array {
  const extension = spec.ipOptionBytes;
  const version = ((6 << 28) | (spec.trafficClass << 20) | (spec.identification & 0xfffff)) >>> 0;
  return bytesOf(
    [...u32(version), ...u16(extension + transportBytes)],
    [extension > 0 ? 60 : protocolOf(spec), spec.hopLimit],
    spec.source,
    spec.destination,
    // Destination options: next header, length in 8 bytes beyond the first, one PadN option.
    extension > 0 ? [protocolOf(spec), extension / 8 - 1, 1, extension - 4, ...new Uint8Array(extension - 4)] : [],
  );
}

function transportHeader(spec: FrameSpec): Uint8Array {
  const { transport } = spec;
  const ports = [...u16(spec.sourcePort), ...u16(spec.destinationPort)];
  if (transport.kind === 'opaque') return new Uint8Array(0);
  if (transport.kind === 'udp') return bytesOf(ports, u16(8 + spec.payload.length), [0, 0]);
  return bytesOf(
    ports,
    u32(transport.sequence),
    u32(transport.acknowledgement),
    [(5 + transport.options.length / 4) << 4, transport.flags],
    [...u16(transport.window), 0, 0, ...u16(transport.urgent)],
    transport.options,
  );
}

/** Header and payload, with the checksum complete, or only the pseudo-header's sum where it is offloaded. */
function withChecksum(spec: FrameSpec, transportBytes: number): Uint8Array {
  const header = transportHeader(spec);
  const bytes = new Uint8Array(transportBytes);
  bytes.set(header);
  bytes.set(spec.payload, header.length);
  if (spec.transport.kind === 'opaque') return bytes;
  const pseudo = pseudoHeader(spec.source, spec.destination, protocolOf(spec), transportBytes);
  const field = spec.transport.kind === 'tcp' ? 16 : 6;
  if (spec.offload === 'none') {
    const sum = onesComplementSum(Uint8Array.of(...u16(onesComplementSum(pseudo)), ...u16(onesComplementSum(bytes))));
    bytes.set(u16(0xffff - sum || (spec.transport.kind === 'udp' ? 0xffff : 0)), field);
  } else bytes.set(u16(onesComplementSum(pseudo)), field);
  return bytes;
}

function virtioHeader(spec: FrameSpec, transportAt: number): Uint8Array {
  const { transport, offload } = spec;
  if (offload === 'none' || transport.kind === 'opaque') return new Uint8Array(VIRTIO_BYTES);
  const checksumOffset = transport.kind === 'tcp' ? 16 : 6;
  const headerBytes = transportAt + transportHeader(spec).length;
  const segmented = offload === 'segmentation';
  return bytesOf(
    [NEEDS_CHECKSUM, segmented ? gsoType(spec) : 0],
    [...u16le(segmented ? headerBytes : 0), ...u16le(segmented ? spec.gsoBytes : 0)],
    [...u16le(transportAt), ...u16le(checksumOffset)],
  );
}

function gsoType({ transport, source }: FrameSpec): number {
  if (transport.kind === 'udp') return 5;
  const ecn = transport.kind === 'tcp' && (transport.flags & TCP_CWR) !== 0 ? GSO_ECN : 0;
  return (source.length === 4 ? 1 : 4) | ecn;
}
