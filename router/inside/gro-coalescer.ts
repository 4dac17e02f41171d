/**
 * Generic receive offload of the router: coalesces neighbouring TCP segments, or UDP datagrams of one flow, into one
 * super-frame for the TAP, so that the kernel gets one frame where the wire had many. Coalesced is only what the kernel will
 * cut back into exactly the same frames: equal headers, consecutive sequence numbers and identifications, checksums still to
 * be completed, one segment size with only the last one shorter. No payload is copied: the super-frame is a list of iovecs.
 *
 *   record 1: [ virtio | headers | payload ]   -> iovec 0, its headers amended in place before the write
 *   record 2: [ virtio | headers | payload ]   -> iovec 1, the payload alone
 */
import type { Arena } from '../kernel/arena.js';
import { writeIpv4Checksum, writePartialChecksum } from '../packet/checksum.js';
import type { Counters } from '../tables/counters.js';
import { DROP } from '../tables/drop-reasons.js';
import { sysErrno, sysWrite, sysWritev } from '../kernel/ffi.js';
import { IPV4_HEADER_BYTES, IPV6_HEADER_BYTES, PROTOCOL_TCP, PROTOCOL_UDP } from '../packet/frame.js';
import { MAX_FRAME_BYTES } from '../limits.js';
import {
  EAGAIN,
  ENOBUFS,
  IOVEC_BYTES,
  UDP_MAX_SEGMENTS,
  VIRTIO_NET_HDR_BYTES,
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_GSO_NONE,
  VIRTIO_NET_HDR_GSO_UDP_L4,
} from '../kernel/linux-abi.js';
import { createSuperFrame, readSuperFrame, writeSlice } from '../packet/super-frame.js';
import { readU16be, readU16le, writeU16be, writeU16le } from '../kernel/byte-order.js';
import { RECORD_LENGTH_BYTES } from '../../common/wire/data-unit.js';
import type { TapQueues } from './tap-queues.js';
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

/** Records of one super-frame, an iovec each. */
const MAX_RECORDS = 120;
/** Keeps a super-frame below the 16-bit length of IP. */
const MAX_PAYLOAD_BYTES = 64000;
const TCP_PSH = 0x08;
const TCP_ACK = 0x10;
const TCP_ECE = 0x40;
const TCP_MIN_BYTES = 20;
const UDP_HEADER_BYTES = 8;

/** A record that may be coalesced: where its parts are. Two per coalescer, overwritten in turn: nothing is allocated per record. */
interface Segment {
  /** Arena offsets of virtio header, layer 3 and 4 headers and payload, and where the record ends. */
  header: number;
  l3: number;
  l4: number;
  payload: number;
  end: number;
  ipv6: boolean;
  udp: boolean;
  /** The gso size, or the whole payload of a frame that the kernel need not cut. */
  segmentBytes: number;
}

function createSegment(): Segment {
  return { header: 0, l3: 0, l4: 0, payload: 0, end: 0, ipv6: false, udp: false, segmentBytes: 0 };
}

export class GroCoalescer {
  readonly #iovecs: number;
  #count = 0;
  /** The first record of the super-frame under construction, and the record that was pushed last. */
  #head = createSegment();
  #next = createSegment();
  /** Of all records in the super-frame. */
  #payloadBytes = 0;
  readonly #superFrame = createSuperFrame();
  /** Where a datagram of a UDP super-frame is written to; only on kernels without USO. */
  readonly #slice: number;

  constructor(
    private readonly arena: Arena,
    private readonly queues: TapQueues,
    private readonly counters: Counters,
    private readonly uso: boolean,
  ) {
    this.#iovecs = arena.allocate(MAX_RECORDS * IOVEC_BYTES);
    this.#slice = uso ? 0 : arena.allocate(MAX_FRAME_BYTES + 64);
  }

  /**
   * Takes the record of `length` bytes whose checked virtio header is at `header` and layer 3 header at `l3`; all records have
   * one pair of Ethernet addresses. It is written now, or with a later record that does not continue it; its bytes must stay
   * until {@link flush}.
   */
  push(header: number, length: number, l3: number, ipv6: boolean): void {
    const next = this.#next;
    next.header = header;
    next.l3 = l3;
    next.end = header + length;
    next.ipv6 = ipv6;
    if (!this.#isCoalescible(next)) return this.#writeAlone(header, length, l3, ipv6);
    if (this.#count > 0) {
      if (this.#continues(next)) return this.#append(next);
      this.flush();
    }
    if (next.udp && !this.uso) return this.#writeAlone(header, length, l3, ipv6);
    this.#begin(next);
  }

  /** Writes the super-frame that is under construction. */
  flush(): void {
    if (this.#count === 0) return;
    const count = this.#count;
    this.#count = 0;
    if (count > 1) this.#amendHeaders();
    const written = sysWritev(this.queues.fdFor(this.#head.l3, this.#head.ipv6), this.arena.base + this.#iovecs, count);
    if (written < 0) this.#countFailure();
  }

  /** Whether the record may be part of a super-frame; fills in the rest of it. */
  #isCoalescible(record: Segment): boolean {
    const { u8 } = this.arena;
    const { header, l3, ipv6, end } = record;
    const frame = header + VIRTIO_NET_HDR_BYTES;
    const l4 = l3 + (ipv6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES);
    if (u8[header] !== VIRTIO_NET_HDR_F_NEEDS_CSUM) return false;
    if (!this.#isPlain(l3, ipv6, l4 - frame, header)) return false;
    const udp = u8[ipv6 ? l3 + 6 : l3 + 9] === PROTOCOL_UDP;
    const l4Bytes = udp ? UDP_HEADER_BYTES : (u8[l4 + 12]! >>> 4) * 4;
    const payload = l4 + l4Bytes;
    const ipBytes = ipv6 ? readU16be(u8, l3 + 4) + IPV6_HEADER_BYTES : readU16be(u8, l3 + 2);
    const consistent = udp ? readU16be(u8, l4 + 4) === end - l4 : this.#coalescibleFlags(l4, l4Bytes);
    if (payload >= end || l3 + ipBytes !== end || !consistent) return false;
    record.l4 = l4;
    record.payload = payload;
    record.udp = udp;
    const gso = u8[header + VH_GSO_TYPE]! !== VIRTIO_NET_HDR_GSO_NONE;
    record.segmentBytes = gso ? readU16le(u8, header + VH_GSO_SIZE) : end - payload;
    return true;
  }

  /** A header without options or fragments, with the checksum to be completed where TCP or UDP has it. */
  #isPlain(l3: number, ipv6: boolean, l4FromFrame: number, header: number): boolean {
    const { u8 } = this.arena;
    if (readU16le(u8, header + VH_CHECKSUM_START) !== l4FromFrame) return false;
    const protocol = u8[ipv6 ? l3 + 6 : l3 + 9];
    if (!ipv6 && (u8[l3] !== 0x45 || (readU16be(u8, l3 + 6) & 0x3fff) !== 0)) return false;
    const offset = readU16le(u8, header + VH_CHECKSUM_OFFSET);
    return (
      (protocol === PROTOCOL_TCP && offset === TCP_CHECKSUM_OFFSET) ||
      (protocol === PROTOCOL_UDP && offset === UDP_CHECKSUM_OFFSET)
    );
  }

  /** ACK with or without PSH and ECE: anything else is an event of the connection and travels alone. */
  #coalescibleFlags(l4: number, l4Bytes: number): boolean {
    const flags = this.arena.u8[l4 + 13]!;
    return l4Bytes >= TCP_MIN_BYTES && (flags & TCP_ACK) !== 0 && (flags & ~(TCP_ACK | TCP_PSH | TCP_ECE)) === 0;
  }

  /** Makes the record the head of a new super-frame. */
  #begin(record: Segment): void {
    this.#next = this.#head;
    this.#head = record;
    this.#payloadBytes = record.end - record.payload;
    this.arena.writeAddress(this.#iovecs, record.header);
    this.arena.writeLength(this.#iovecs + 8, record.end - record.header);
    this.#count = 1;
  }

  #append({ l4, payload, end, udp }: Segment): void {
    const { arena } = this;
    const at = this.#iovecs + this.#count * IOVEC_BYTES;
    arena.writeAddress(at, payload);
    arena.writeLength(at + 8, end - payload);
    this.#count++;
    this.#payloadBytes += end - payload;
    if (!udp) arena.u8[this.#head.l4 + 13]! |= arena.u8[l4 + 13]! & TCP_PSH;
  }

  /** Whether the kernel would cut head and record back into exactly the frames that they are made of. */
  #continues(record: Segment): boolean {
    const head = this.#head;
    const { l3, ipv6, udp, segmentBytes } = record;
    const payloadBytes = record.end - record.payload;
    const total = this.#payloadBytes + payloadBytes;
    if (ipv6 !== head.ipv6 || udp !== head.udp || this.#count === MAX_RECORDS) return false;
    if (segmentBytes > head.segmentBytes || (payloadBytes > segmentBytes && segmentBytes !== head.segmentBytes))
      return false;
    if (this.#payloadBytes % head.segmentBytes !== 0 || total > MAX_PAYLOAD_BYTES) return false;
    if (udp && total > head.segmentBytes * UDP_MAX_SEGMENTS) return false;
    return (
      (ipv6 ? this.#sameIpv6(l3) : this.#sameIpv4(l3, this.#payloadBytes / head.segmentBytes)) &&
      (udp ? this.#samePorts(record.l4) : this.#nextTcp(record.l4, record.payload - record.l4))
    );
  }

  /** Service class, fragment flags, TTL, protocol and addresses equal; identification counts on (RFC 6864 or not). */
  #sameIpv4(l3: number, segments: number): boolean {
    const { u8, i32 } = this.arena;
    const x = l3 >>> 2;
    const y = this.#head.l3 >>> 2;
    return (
      i32[x + 3] === i32[y + 3] &&
      i32[x + 4] === i32[y + 4] &&
      u8[l3 + 1] === u8[this.#head.l3 + 1] &&
      readU16be(u8, l3 + 6) === readU16be(u8, this.#head.l3 + 6) &&
      readU16be(u8, l3 + 8) === readU16be(u8, this.#head.l3 + 8) &&
      readU16be(u8, l3 + 4) === ((readU16be(u8, this.#head.l3 + 4) + segments) & 0xffff)
    );
  }

  /** Everything but the payload length. */
  #sameIpv6(l3: number): boolean {
    const { u8, i32 } = this.arena;
    const x = l3 >>> 2;
    const y = this.#head.l3 >>> 2;
    if (i32[x] !== i32[y] || readU16be(u8, l3 + 6) !== readU16be(u8, this.#head.l3 + 6)) return false;
    for (let i = 2; i < 10; i++) if (i32[x + i] !== i32[y + i]) return false;
    return true;
  }

  #samePorts(l4: number): boolean {
    return this.arena.i32[l4 >>> 2] === this.arena.i32[this.#head.l4 >>> 2];
  }

  /** Same ports, acknowledgement, window, urgent pointer and options, consecutive sequence number, no PSH before. */
  #nextTcp(l4: number, l4Bytes: number): boolean {
    const { u8, i32 } = this.arena;
    const head = this.#head.l4;
    const headFlags = u8[head + 13]!;
    if (!this.#samePorts(l4) || i32[(l4 + 8) >>> 2] !== i32[(head + 8) >>> 2]) return false;
    if (u8[l4 + 12] !== u8[head + 12] || (headFlags & TCP_PSH) !== 0) return false;
    if (((u8[l4 + 13]! ^ headFlags) & ~TCP_PSH) !== 0) return false;
    if (readU16be(u8, l4 + 14) !== readU16be(u8, head + 14)) return false;
    if (readU16be(u8, l4 + 18) !== readU16be(u8, head + 18)) return false;
    for (let i = TCP_MIN_BYTES; i < l4Bytes; i += 4) if (i32[(l4 + i) >>> 2] !== i32[(head + i) >>> 2]) return false;
    return sequence(u8, l4) === ((sequence(u8, head) + this.#payloadBytes) | 0);
  }

  #amendHeaders(): void {
    const { u8 } = this.arena;
    const { header, l3, l4, payload, ipv6, udp, segmentBytes } = this.#head;
    const l4Bytes = payload - l4 + this.#payloadBytes;
    u8[header + VH_GSO_TYPE] = segmentationType(udp, ipv6);
    writeU16le(u8, header + VH_HEADER_LENGTH, payload - header - VIRTIO_NET_HDR_BYTES);
    writeU16le(u8, header + VH_GSO_SIZE, segmentBytes);
    if (ipv6) writeU16be(u8, l3 + 4, l4Bytes);
    else {
      writeU16be(u8, l3 + 2, IPV4_HEADER_BYTES + l4Bytes);
      writeIpv4Checksum(u8, l3);
    }
    const protocol = udp ? PROTOCOL_UDP : PROTOCOL_TCP;
    if (udp) writeU16be(u8, l4 + 4, l4Bytes);
    const field = l4 + (udp ? UDP_CHECKSUM_OFFSET : TCP_CHECKSUM_OFFSET);
    writePartialChecksum(u8, l3, ipv6, protocol, l4Bytes, field);
  }

  #writeAlone(header: number, length: number, l3: number, ipv6: boolean): void {
    this.flush();
    if (!this.uso && this.arena.u8[header + VH_GSO_TYPE] === VIRTIO_NET_HDR_GSO_UDP_L4) {
      return this.#writeCut(header, length, l3, ipv6);
    }
    this.#write(header, length, this.queues.fdFor(l3, ipv6));
  }

  /** A kernel without USO refuses a UDP super-frame that a newer one gave the peer: it gets the datagrams one by one. */
  #writeCut(header: number, length: number, l3: number, ipv6: boolean): void {
    const { u8 } = this.arena;
    const parts = this.#superFrame;
    const fd = this.queues.fdFor(l3, ipv6);
    const frame = header + VIRTIO_NET_HDR_BYTES;
    if (!readSuperFrame(u8, frame, length - VIRTIO_NET_HDR_BYTES, l3, ipv6, parts))
      return this.#write(header, length, fd);
    for (let offset = 0; offset < parts.payloadBytes; offset += parts.gsoBytes) {
      const bytes = Math.min(parts.gsoBytes, parts.payloadBytes - offset);
      const sliceBytes = writeSlice(u8, frame, parts, offset, bytes, this.#slice);
      this.#write(this.#slice + RECORD_LENGTH_BYTES, sliceBytes, fd);
    }
  }

  #write(header: number, length: number, fd: number): void {
    if (sysWrite(fd, this.arena.base + header, length) < 0) this.#countFailure();
  }

  #countFailure(): void {
    const errno = sysErrno();
    this.counters.drops[errno === EAGAIN || errno === ENOBUFS ? DROP.tapCongested : DROP.tapWriteFailed]!++;
  }
}

function sequence(u8: Uint8Array, l4: number): number {
  return (u8[l4 + 4]! << 24) | (u8[l4 + 5]! << 16) | (u8[l4 + 6]! << 8) | u8[l4 + 7]!;
}
