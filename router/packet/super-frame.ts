/**
 * Slicer of TSO and USO super-frames: cuts one into slices that are super-frames or plain frames themselves, each with a whole
 * number of segments, so that a lost datagram costs only its slice. What the kernel makes of all slices at the far end is bit
 * for bit what it would have made of the frame: IPv4 identification counts on per segment, TCP sequence numbers advance, FIN
 * and PSH stay on the last slice and CWR on the first (RFC 9293, RFC 3168 6.1.2).
 *
 *   record:  [ u32 length ][ virtio 10 ][ Ethernet, IP, TCP or UDP headers ][ payload: n x gso size ]
 *   slice i: [ u32 length ][ virtio 10 ][ the same headers, amended       ][ k x gso size         ]
 */
import {
  VIRTIO_NET_HDR_BYTES,
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_GSO_ECN,
  VIRTIO_NET_HDR_GSO_NONE,
  VIRTIO_NET_HDR_GSO_UDP_L4,
} from '../kernel/linux-abi.js';
import { writeIpv4Checksum, writePartialChecksum } from './checksum.js';
import { IPV6_HEADER_BYTES, PROTOCOL_TCP, PROTOCOL_UDP } from './frame.js';
import { readU16be, readU16le, writeU16be, writeU16le } from '../kernel/byte-order.js';
import { RECORD_LENGTH_BYTES } from '../../common/wire/data-unit.js';
import {
  TCP_CHECKSUM_OFFSET,
  UDP_CHECKSUM_OFFSET,
  VH_CHECKSUM_START,
  VH_GSO_SIZE,
  VH_GSO_TYPE,
} from './virtio-net-header.js';

const TCP_FIN = 0x01;
const TCP_PSH = 0x08;
const TCP_CWR = 0x80;
const UDP_HEADER_BYTES = 8;

/** Where the parts of one super-frame are. One per thread, overwritten by every {@link readSuperFrame}. */
export interface SuperFrame {
  /** Bytes of Ethernet to the end of the TCP or UDP header. */
  headerBytes: number;
  payloadBytes: number;
  gsoBytes: number;
  udp: boolean;
  ipv6: boolean;
  /** From the start of the frame. */
  l3: number;
  l4: number;
}

export function createSuperFrame(): SuperFrame {
  return { headerBytes: 0, payloadBytes: 0, gsoBytes: 0, udp: false, ipv6: false, l3: 0, l4: 0 };
}

/**
 * Reads the super-frame of `length` bytes at `frame` with its virtio header in front. False when it is no super-frame, or
 * one that is not cut (extension headers, fragments): such a frame travels whole.
 * @param l3 arena offset of the layer 3 header
 */
export function readSuperFrame(
  u8: Uint8Array,
  frame: number,
  length: number,
  l3: number,
  ipv6: boolean,
  out: SuperFrame,
): boolean {
  const header = frame - VIRTIO_NET_HDR_BYTES;
  const type = u8[header + VH_GSO_TYPE]! & ~VIRTIO_NET_HDR_GSO_ECN;
  if (type === VIRTIO_NET_HDR_GSO_NONE || (u8[header]! & VIRTIO_NET_HDR_F_NEEDS_CSUM) === 0) return false;
  const l4 = readU16le(u8, header + VH_CHECKSUM_START);
  const ipBytes = ipv6 ? IPV6_HEADER_BYTES : (u8[l3]! & 15) * 4;
  if (frame + l4 !== l3 + ipBytes) return false;
  out.udp = type === VIRTIO_NET_HDR_GSO_UDP_L4;
  out.ipv6 = ipv6;
  out.l3 = l3 - frame;
  out.l4 = l4;
  out.headerBytes = l4 + (out.udp ? UDP_HEADER_BYTES : (u8[frame + l4 + 12]! >>> 4) * 4);
  out.payloadBytes = length - out.headerBytes;
  out.gsoBytes = readU16le(u8, header + VH_GSO_SIZE);
  return out.gsoBytes > 0 && out.payloadBytes > 0;
}

/**
 * Writes the slice of `bytes` payload bytes from `offset` (a multiple of the gso size) of the super-frame at `frame` as a
 * record at `to`, and returns the record's length without its length field.
 */
export function writeSlice(
  u8: Uint8Array,
  frame: number,
  superFrame: SuperFrame,
  offset: number,
  bytes: number,
  to: number,
): number {
  const { headerBytes, gsoBytes, payloadBytes, l3, l4, ipv6, udp } = superFrame;
  const from = frame - VIRTIO_NET_HDR_BYTES;
  const out = to + RECORD_LENGTH_BYTES;
  const outFrame = out + VIRTIO_NET_HDR_BYTES;
  u8.copyWithin(out, from, frame + headerBytes);
  u8.copyWithin(outFrame + headerBytes, frame + headerBytes + offset, frame + headerBytes + offset + bytes);
  if (bytes <= gsoBytes) {
    u8[out + VH_GSO_TYPE] = VIRTIO_NET_HDR_GSO_NONE;
    writeU16le(u8, out + VH_GSO_SIZE, 0);
  }
  const ip = outFrame + l3;
  const l4Bytes = headerBytes - l4 + bytes;
  if (ipv6) writeU16be(u8, ip + 4, l4Bytes);
  else {
    writeU16be(u8, ip + 2, l4 - l3 + l4Bytes);
    writeU16be(u8, ip + 4, readU16be(u8, frame + l3 + 4) + offset / gsoBytes);
    writeIpv4Checksum(u8, ip);
  }
  const last = offset + bytes === payloadBytes;
  if (udp) {
    writeU16be(u8, outFrame + l4 + 4, l4Bytes);
    writePartialChecksum(u8, ip, ipv6, PROTOCOL_UDP, l4Bytes, outFrame + l4 + UDP_CHECKSUM_OFFSET);
  } else {
    amendTcp(u8, outFrame + l4, offset, last);
    writePartialChecksum(u8, ip, ipv6, PROTOCOL_TCP, l4Bytes, outFrame + l4 + TCP_CHECKSUM_OFFSET);
  }
  return VIRTIO_NET_HDR_BYTES + headerBytes + bytes;
}

function amendTcp(u8: Uint8Array, tcp: number, offset: number, last: boolean): void {
  const sequence = (((u8[tcp + 4]! << 24) | (u8[tcp + 5]! << 16) | (u8[tcp + 6]! << 8) | u8[tcp + 7]!) + offset) >>> 0;
  u8[tcp + 4] = sequence >>> 24;
  u8[tcp + 5] = sequence >>> 16;
  u8[tcp + 6] = sequence >>> 8;
  u8[tcp + 7] = sequence;
  let flags = u8[tcp + 13]!;
  if (!last) flags &= ~(TCP_FIN | TCP_PSH);
  if (offset > 0) flags &= ~TCP_CWR;
  u8[tcp + 13] = flags;
}
