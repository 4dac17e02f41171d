/**
 * Frames that a forwarding thread is warmed up with (`warm-up.ts`): the kinds that pods send, as the kernel hands them to a TAP
 * (virtio-net header and frame). Each goes from an address to the same address. Pure.
 */
import type { IpAddress } from '../../common/address/ip-address.js';
import { ipFamily, ipToBytes } from '../../common/address/ip-address.js';
import { macToBytes, MESH_MAC } from '../../common/address/mac-address.js';
import { writeIpv4Checksum, writePartialChecksum } from '../packet/checksum.js';
import {
  ETHERNET_BYTES,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  IPV4_HEADER_BYTES,
  IPV6_HEADER_BYTES,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from '../packet/frame.js';
import { VIRTIO_NET_HDR_BYTES, VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_NONE } from '../kernel/linux-abi.js';
import { writeU16be, writeU16le } from '../kernel/byte-order.js';
import {
  segmentationType,
  TCP_CHECKSUM_OFFSET,
  UDP_CHECKSUM_OFFSET,
  VH_CHECKSUM_OFFSET,
  VH_CHECKSUM_START,
  VH_GSO_SIZE,
  VH_GSO_TYPE,
  VH_HEADER_LENGTH,
} from '../packet/virtio-net-header.js';

/** Neither is a multiple of four, as records are padded. */
const SEGMENT_BYTES = 1338;
const DATAGRAM_BYTES = 63;
/** A quarter of a unit, most of one, and more than one. */
const SUPER_FRAME_BYTES = [12 * SEGMENT_BYTES, 40 * SEGMENT_BYTES, 48 * SEGMENT_BYTES] as const;
const L3 = VIRTIO_NET_HDR_BYTES + ETHERNET_BYTES;
const HEADER_BYTES = { [PROTOCOL_TCP]: 20, [PROTOCOL_UDP]: 8, [PROTOCOL_ICMP]: 8 } as const;
const TCP_ACK = 0x10;

interface FrameSpec {
  readonly address: IpAddress;
  readonly protocol: keyof typeof HEADER_BYTES;
  readonly payloadBytes: number;
  /** Where the frame is in its stream, in segments. */
  readonly segment: number;
  /** Many segments in one frame, which the device is to cut. */
  readonly cut: boolean;
}

/** @returns bursts of records, each all that comes in one moment */
export function warmUpBursts(
  addresses: readonly IpAddress[],
  unreachable: readonly IpAddress[],
): readonly (readonly Uint8Array[])[] {
  const acknowledgements = addresses.map((address) => [tcp(address, 0, 0)]);
  const echoes = addresses.map((address) => [frame(address, PROTOCOL_ICMP, DATAGRAM_BYTES, 0)]);
  const segments = addresses.map((address) => [0, 1, 2].map((i) => tcp(address, SEGMENT_BYTES, i)));
  const datagrams = addresses.map((address) => [0, 1, 2].map((i) => frame(address, PROTOCOL_UDP, DATAGRAM_BYTES, i)));
  const superFrames = SUPER_FRAME_BYTES.map((bytes) =>
    addresses.map((address) => superFrame(address, PROTOCOL_TCP, bytes)),
  );
  const superDatagrams = addresses.map((address) => [superFrame(address, PROTOCOL_UDP, 5 * SEGMENT_BYTES)]);
  return [
    ...acknowledgements,
    ...echoes,
    ...segments,
    ...datagrams,
    ...superFrames,
    ...superDatagrams,
    // A frame that does not fit into the open unit.
    [1, 2].map(() => superFrame(addresses[0]!, PROTOCOL_TCP, SUPER_FRAME_BYTES[1])),
    // Of several peers in turn.
    [0, 1, 2].flatMap((i) => [...segments, ...datagrams].map((burst) => burst[i]!)),
    unreachable.flatMap((to) =>
      addresses.filter((address) => ipFamily(address) === 4).map((address) => unroutable(address, to)),
    ),
    addresses.map(multicast),
  ];
}

function multicast(address: IpAddress): Uint8Array {
  const record = frame(address, PROTOCOL_UDP, DATAGRAM_BYTES, 0);
  record[VIRTIO_NET_HDR_BYTES] = 1;
  return record;
}

/** A frame that cannot be forwarded and causes an ICMP error (`icmp-error.ts`); of IPv4 only. */
function unroutable(address: IpAddress, to: IpAddress): Uint8Array {
  const record = frame(address, PROTOCOL_UDP, DATAGRAM_BYTES, 0);
  record.set(ipToBytes(to), L3 + 16);
  return record;
}

function tcp(address: IpAddress, payloadBytes: number, segment: number): Uint8Array {
  return frame(address, PROTOCOL_TCP, payloadBytes, segment);
}

function frame(
  address: IpAddress,
  protocol: keyof typeof HEADER_BYTES,
  payloadBytes: number,
  segment: number,
): Uint8Array {
  return buildRecord({ address, protocol, payloadBytes, segment, cut: false });
}

function superFrame(address: IpAddress, protocol: keyof typeof HEADER_BYTES, payloadBytes: number): Uint8Array {
  return buildRecord({ address, protocol, payloadBytes, segment: 0, cut: true });
}

function buildRecord(spec: FrameSpec): Uint8Array {
  const ipv6 = ipFamily(spec.address) === 6;
  const l4 = L3 + (ipv6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES);
  const l4Bytes = HEADER_BYTES[spec.protocol] + spec.payloadBytes;
  const record = new Uint8Array(l4 + l4Bytes);
  record.set(macToBytes(MESH_MAC), VIRTIO_NET_HDR_BYTES);
  writeU16be(record, L3 - 2, ipv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
  if (ipv6) writeIpv6Header(record, spec, l4Bytes);
  else writeIpv4Header(record, spec, l4Bytes);
  if (spec.protocol === PROTOCOL_ICMP) return record;
  writeTransportHeader(record, l4, spec, l4Bytes);
  const checksum = spec.protocol === PROTOCOL_TCP ? TCP_CHECKSUM_OFFSET : UDP_CHECKSUM_OFFSET;
  writePartialChecksum(record, L3, ipv6, spec.protocol, l4Bytes, l4 + checksum);
  writeVirtioHeader(record, l4, spec, ipv6, checksum);
  return record;
}

function writeIpv4Header(record: Uint8Array, spec: FrameSpec, l4Bytes: number): void {
  record[L3] = 0x45;
  writeU16be(record, L3 + 2, IPV4_HEADER_BYTES + l4Bytes);
  writeU16be(record, L3 + 4, 1 + spec.segment);
  writeU16be(record, L3 + 6, 0x4000);
  record.set([64, spec.protocol], L3 + 8);
  record.set(ipToBytes(spec.address), L3 + 12);
  record.set(ipToBytes(spec.address), L3 + 16);
  writeIpv4Checksum(record, L3);
}

function writeIpv6Header(record: Uint8Array, spec: FrameSpec, l4Bytes: number): void {
  record[L3] = 0x60;
  writeU16be(record, L3 + 4, l4Bytes);
  record.set([spec.protocol, 64], L3 + 6);
  record.set(ipToBytes(spec.address), L3 + 8);
  record.set(ipToBytes(spec.address), L3 + 24);
}

function writeTransportHeader(record: Uint8Array, l4: number, spec: FrameSpec, l4Bytes: number): void {
  writeU16be(record, l4, 49152);
  writeU16be(record, l4 + 2, 49153);
  if (spec.protocol === PROTOCOL_UDP) return writeU16be(record, l4 + 4, l4Bytes);
  writeU16be(record, l4 + 6, spec.segment * SEGMENT_BYTES);
  record.set([(HEADER_BYTES[PROTOCOL_TCP] / 4) << 4, TCP_ACK], l4 + 12);
}

function writeVirtioHeader(record: Uint8Array, l4: number, spec: FrameSpec, ipv6: boolean, checksum: number): void {
  const cut = segmentationType(spec.protocol === PROTOCOL_UDP, ipv6);
  record[0] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
  record[VH_GSO_TYPE] = spec.cut ? cut : VIRTIO_NET_HDR_GSO_NONE;
  writeU16le(record, VH_HEADER_LENGTH, l4 + HEADER_BYTES[spec.protocol] - VIRTIO_NET_HDR_BYTES);
  writeU16le(record, VH_GSO_SIZE, spec.cut ? SEGMENT_BYTES : 0);
  writeU16le(record, VH_CHECKSUM_START, l4 - VIRTIO_NET_HDR_BYTES);
  writeU16le(record, VH_CHECKSUM_OFFSET, checksum);
}
