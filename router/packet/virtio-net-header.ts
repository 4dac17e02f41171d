/**
 * Virtio-net header in front of every frame (Virtio 1.2, 5.1.6), 10 bytes, little-endian, and the check of a header from a
 * peer before it is handed to the kernel: no field of it is trusted to be in range.
 *
 *   0 flags | 1 gso type | 2 header length u16 | 4 gso size u16 | 6 checksum start u16 | 8 checksum offset u16
 */
import { assert } from '../../common/errors.js';
import { VIRTIO_NET_HEADER_BYTES } from '../../common/wire/data-unit.js';
import { readU16le, writeU16le } from '../kernel/byte-order.js';
import { IPV6_HEADER_BYTES, PROTOCOL_TCP, PROTOCOL_UDP } from './frame.js';
import {
  VIRTIO_NET_HDR_BYTES,
  VIRTIO_NET_HDR_F_DATA_VALID,
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_GSO_ECN,
  VIRTIO_NET_HDR_GSO_NONE,
  VIRTIO_NET_HDR_GSO_TCPV4,
  VIRTIO_NET_HDR_GSO_TCPV6,
  VIRTIO_NET_HDR_GSO_UDP_L4,
} from '../kernel/linux-abi.js';

export const VH_GSO_TYPE = 1;
export const VH_HEADER_LENGTH = 2;
export const VH_GSO_SIZE = 4;
export const VH_CHECKSUM_START = 6;
export const VH_CHECKSUM_OFFSET = 8;

export const TCP_CHECKSUM_OFFSET = 16;
export const UDP_CHECKSUM_OFFSET = 6;
const TCP_HEADER_BYTES = 20;
const UDP_HEADER_BYTES = 8;
/** The kernel's own limits: what a pod's kernel may send, and what the kernel behind the far TAP takes. */
const MIN_TCP_GSO_BYTES = 8; // TCP_MIN_GSO_SIZE
const MAX_UDP_SEGMENTS = 128; // UDP_MAX_SEGMENTS since Linux 6.9, 64 before
const GSO_BY_FRAGS = 0xffff;

assert(VIRTIO_NET_HDR_BYTES === VIRTIO_NET_HEADER_BYTES, 'the wire carries the header of the kernel');

/** The gso type of a frame that the device is to cut, without the ECN flag. */
export function segmentationType(udp: boolean, ipv6: boolean): number {
  if (udp) return VIRTIO_NET_HDR_GSO_UDP_L4;
  return ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
}

/**
 * True when the header at `header` is in range for the frame of `length` bytes at `frame`, whose layer 3 header is at
 * `l3`. Rewrites the header length, so the kernel copies exactly the headers.
 */
export function checkVirtioHeader(
  u8: Uint8Array,
  header: number,
  frame: number,
  length: number,
  l3: number,
  ipv6: boolean,
): boolean {
  const flags = u8[header]!;
  const gsoType = u8[header + VH_GSO_TYPE]! & ~VIRTIO_NET_HDR_GSO_ECN;
  if ((flags & ~(VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID)) !== 0) return false;
  // A peer's word that the checksum was verified is not passed on to the kernel.
  u8[header] = flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
  const start = readU16le(u8, header + VH_CHECKSUM_START);
  if ((flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) !== 0) {
    const field = start + readU16le(u8, header + VH_CHECKSUM_OFFSET);
    // The checksum must lie behind the IP header: written into it, it would change addresses after they were checked.
    if (frame + start < l3 + ipHeaderBytes(u8, l3, ipv6) || field + 2 > length) return false;
  }
  if (gsoType === VIRTIO_NET_HDR_GSO_NONE) {
    if (u8[header + VH_GSO_TYPE] !== 0) return false;
    writeU16le(u8, header + VH_HEADER_LENGTH, 0);
    writeU16le(u8, header + VH_GSO_SIZE, 0);
    return true;
  }
  return (flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) !== 0 && checkSegmentation(u8, header, frame, length, l3, ipv6);
}

function checkSegmentation(
  u8: Uint8Array,
  header: number,
  frame: number,
  length: number,
  l3: number,
  ipv6: boolean,
): boolean {
  const gsoType = u8[header + VH_GSO_TYPE]! & ~VIRTIO_NET_HDR_GSO_ECN;
  const start = readU16le(u8, header + VH_CHECKSUM_START);
  const l4 = frame + start;
  if (!ipv6 && (l4 !== l3 + ipHeaderBytes(u8, l3, ipv6) || isFragment(u8, l3))) return false;
  const protocol = ipv6 ? (l4 === l3 + IPV6_HEADER_BYTES ? u8[l3 + 6]! : 0) : u8[l3 + 9]!;
  const udp = gsoType === VIRTIO_NET_HDR_GSO_UDP_L4;
  if (gsoType !== segmentationType(udp, ipv6)) return false;
  if (protocol !== 0 && protocol !== (udp ? PROTOCOL_UDP : PROTOCOL_TCP)) return false;
  const minimum = udp ? UDP_HEADER_BYTES : TCP_HEADER_BYTES;
  if (start + minimum > length) return false;
  const l4Bytes = udp ? UDP_HEADER_BYTES : (u8[l4 + 12]! >>> 4) * 4;
  const headers = start + l4Bytes;
  if (l4Bytes < minimum || headers >= length) return false;
  if (readU16le(u8, header + VH_CHECKSUM_OFFSET) !== (udp ? UDP_CHECKSUM_OFFSET : TCP_CHECKSUM_OFFSET)) return false;
  writeU16le(u8, header + VH_HEADER_LENGTH, headers);
  return isSegmentSize(readU16le(u8, header + VH_GSO_SIZE), length - headers, udp);
}

function isSegmentSize(gsoBytes: number, payloadBytes: number, udp: boolean): boolean {
  if (gsoBytes === GSO_BY_FRAGS) return false;
  return udp ? gsoBytes > 0 && payloadBytes <= gsoBytes * MAX_UDP_SEGMENTS : gsoBytes >= MIN_TCP_GSO_BYTES;
}

function ipHeaderBytes(u8: Uint8Array, l3: number, ipv6: boolean): number {
  return ipv6 ? IPV6_HEADER_BYTES : (u8[l3]! & 15) * 4;
}

/** More fragments follow, or an offset (RFC 791). */
function isFragment(u8: Uint8Array, l3: number): boolean {
  return ((u8[l3 + 6]! & 0x3f) | u8[l3 + 7]!) !== 0;
}
