/**
 * Reference of the kernel's segmentation (net/core/gso.c, ipv4/tcp_offload.c, ipv4/udp_offload.c): what it makes of a record
 * from a TAP when the frame leaves by a device without any offload. Records that give the same frames here are equivalent.
 */
import { VIRTIO_BYTES } from './frame-builder.js';
import { internetChecksum, onesComplementSum, pseudoHeader } from './internet-checksum.js';

const ETHERNET_BYTES = 14;

const NEEDS_CHECKSUM = 1;
const UDP_CHECKSUM_OFFSET = 6;
const TCP_FIN = 0x01;
const TCP_PSH = 0x08;
const TCP_CWR = 0x80;
const PROTOCOL_TCP = 6;
const PROTOCOL_UDP = 17;

/** The frames on the wire, in order. */
export function segmentAsKernel(record: Uint8Array): Uint8Array[] {
  const view = viewOf(record);
  const frame = Uint8Array.from(record.subarray(VIRTIO_BYTES));
  if ((view.getUint8(0) & NEEDS_CHECKSUM) === 0) return [frame];
  const type = view.getUint8(1) & 0x7f;
  const gsoBytes = view.getUint16(4, true);
  const transportAt = view.getUint16(6, true);
  const field = transportAt + view.getUint16(8, true);
  const udp = field === transportAt + UDP_CHECKSUM_OFFSET;
  const headerBytes = transportAt + (udp ? 8 : (frame[transportAt + 12]! >>> 4) * 4);
  // A super-frame of at most one segment is none (include/linux/virtio_net.h).
  if (type === 0 || frame.length - headerBytes <= gsoBytes) return [completeChecksum(frame, transportAt, field, udp)];
  const segments: Uint8Array[] = [];
  for (let at = headerBytes; at < frame.length; at += gsoBytes) {
    const payload = frame.subarray(at, Math.min(frame.length, at + gsoBytes));
    const segment = new Uint8Array(headerBytes + payload.length);
    segment.set(frame.subarray(0, headerBytes));
    segment.set(payload, headerBytes);
    const last = at + gsoBytes >= frame.length;
    amendSegment(segment, transportAt, segments.length, at - headerBytes, last, udp);
    segments.push(segment);
  }
  return segments;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** skb_checksum_help: over everything from the transport header on, starting from what the field holds. */
function completeChecksum(frame: Uint8Array, transportAt: number, field: number, udp: boolean): Uint8Array {
  const checksum = internetChecksum(frame.subarray(transportAt));
  viewOf(frame).setUint16(field, checksum === 0 && udp ? 0xffff : checksum);
  return frame;
}

function amendSegment(
  segment: Uint8Array,
  transportAt: number,
  index: number,
  offset: number,
  last: boolean,
  udp: boolean,
): void {
  const view = viewOf(segment);
  const ip = ETHERNET_BYTES;
  const transportBytes = segment.length - transportAt;
  if (udp) view.setUint16(transportAt + 4, transportBytes);
  else amendTcp(view, transportAt, offset, last);
  if (segment[ip]! >>> 4 === 4) {
    view.setUint16(ip + 2, segment.length - ip);
    view.setUint16(ip + 4, (view.getUint16(ip + 4) + index) & 0xffff);
    view.setUint16(ip + 10, 0);
    view.setUint16(ip + 10, internetChecksum(segment.subarray(ip, ip + (segment[ip]! & 15) * 4)));
  } else view.setUint16(ip + 4, segment.length - ip - 40);
  writeWholeChecksum(segment, ip, transportAt, udp);
}

function amendTcp(view: DataView, tcp: number, offset: number, last: boolean): void {
  view.setUint32(tcp + 4, (view.getUint32(tcp + 4) + offset) % 2 ** 32);
  let flags = view.getUint8(tcp + 13);
  if (!last) flags &= ~(TCP_FIN | TCP_PSH);
  if (offset > 0) flags &= ~TCP_CWR;
  view.setUint8(tcp + 13, flags);
}

function writeWholeChecksum(segment: Uint8Array, ip: number, transportAt: number, udp: boolean): void {
  const view = viewOf(segment);
  const [at, bytes] = segment[ip]! >>> 4 === 4 ? [ip + 12, 4] : [ip + 8, 16];
  const source = segment.subarray(at, at + bytes);
  const destination = segment.subarray(at + bytes, at + 2 * bytes);
  const protocol = udp ? PROTOCOL_UDP : PROTOCOL_TCP;
  const pseudo = pseudoHeader(source, destination, protocol, segment.length - transportAt);
  view.setUint16(transportAt + (udp ? 6 : 16), onesComplementSum(pseudo));
  completeChecksum(segment, transportAt, transportAt + (udp ? 6 : 16), udp);
}
