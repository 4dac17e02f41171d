/**
 * Relay of datagrams between the two ends of a pair (ADR 0044): the envelope gets channel and token of the other end, and the
 * datagram goes to that end's address, from the memory that it was received in. One in, one out of the same size; nothing is kept,
 * and nothing waits for a full socket buffer. Datagrams of one size for one end, received one after the other, are one message,
 * which the kernel cuts (UDP GSO).
 */
import { DATAGRAM_HEADER_BYTES, laneIn, TYPE_RELAY } from '../../common/wire/datagram-header.js';
import { CHANNEL_WORD, TOKEN_WORD } from '../../common/wire/relay-envelope.js';
import type { Arena } from '../kernel/arena.js';
import { sysErrno, sysSendmmsg } from '../kernel/ffi.js';
import { HOP_LIMIT_INFO_BYTES, writeHopLimitInfo } from '../kernel/hop-limit-info.js';
import {
  CMSG_ROOM,
  CMSG_UDP_SEGMENT_ROOM,
  EINTR,
  EIO,
  IOVEC_BYTES,
  MMSGHDR_BYTES,
  MSG_CONTROL,
  MSG_CONTROLLEN,
  MSG_IOV,
  MSG_IOVLEN,
  MSG_NAME,
  MSG_NAMELEN,
  UDP_MAX_PAYLOAD_BYTES,
  UDP_MAX_SEGMENTS,
} from '../kernel/linux-abi.js';
import { packetInfoBytes } from '../kernel/packet-info.js';
import { writeSegmentSizeInfo } from '../kernel/segment-size-info.js';
import { socketAddressBytes } from '../kernel/socket-address-memory.js';
import { hopLimitOf } from '../kernel/underlay-socket.js';
import type { Counters } from '../tables/counters.js';
import { DROP } from '../tables/drop-reasons.js';
import type { Peers } from '../tables/peers.js';
import { isRefusedSource, writeHeaderInfo } from './header-info.js';
import type { RelayChannels } from './relay-channels.js';
import type { RelayRate } from './relay-rate.js';

const MAX_MESSAGES = 64;
const MAX_DATAGRAMS = 1024;

export interface RelayDeps {
  readonly arena: Arena;
  readonly fd: number;
  readonly peers: Peers;
  readonly channels: RelayChannels;
  readonly rate: RelayRate;
  readonly counters: Counters;
  /** Of this thread: datagrams of other lanes leave with the hop limit of theirs. */
  readonly lane: number;
  readonly gso: boolean;
}

export class Relay {
  readonly #messagesAt: number;
  readonly #iovecsAt: number;
  readonly #controlsAt: number;
  #gso: boolean;
  #messageCount = 0;
  #datagramCount = 0;
  /** Bytes of the local address in the control messages of each message; 0 when it has none. */
  readonly #sourceBytes = new Uint8Array(MAX_MESSAGES);
  /** Of the last message. */
  #slot = 0;
  #lane = 0;
  #trafficClass = 0;
  #segment = 0;
  #segments = 0;
  #bytes = 0;
  #isShort = false;

  constructor(private readonly deps: RelayDeps) {
    const { arena } = deps;
    this.#messagesAt = arena.allocate(MAX_MESSAGES * MMSGHDR_BYTES);
    this.#iovecsAt = arena.allocate(MAX_DATAGRAMS * 2 * IOVEC_BYTES);
    this.#controlsAt = arena.allocate(MAX_MESSAGES * CMSG_ROOM);
    this.#gso = deps.gso;
  }

  /**
   * Queues a datagram that came on the channel of this slot. Its memory must stay as it is until {@link flush}.
   * @param envelope arena offset of its envelope
   * @param at arena offset of the `bytes` behind the envelope
   */
  forward(slot: number, envelope: number, at: number, bytes: number, trafficClass: number, nowMs: number): void {
    const { arena, peers, channels, rate, counters } = this.deps;
    const { u32 } = arena;
    const to = channels.otherEnd(slot);
    if (!peers.isDirect(channels.peerOf(to))) return void counters.drops[DROP.relayEndGone]!++;
    const datagramBytes = DATAGRAM_HEADER_BYTES + bytes;
    const pair = slot >>> 1;
    if (!rate.take(pair, channels.openers.of(pair), datagramBytes, nowMs))
      return void counters.drops[DROP.relayOverRate]!++;
    channels.noteUse(slot, nowMs);
    const word = envelope >>> 2;
    const lane = laneIn(u32[word]!);
    const back = channels.wayBack(to)!;
    u32[word] = TYPE_RELAY | (lane << 8);
    u32[word + CHANNEL_WORD] = back.channel;
    u32[word + TOKEN_WORD] = back.token0;
    u32[word + TOKEN_WORD + 1] = back.token1;
    if (!this.#continues(to, lane, trafficClass, datagramBytes)) this.#begin(to, lane, trafficClass, datagramBytes);
    this.#append(envelope, at, bytes);
  }

  /** Sends what is queued. What the kernel refuses is dropped and counted. */
  flush(): void {
    if (this.#messageCount === 0) return;
    const { arena, fd, counters } = this.deps;
    for (let sent = 0; sent < this.#messageCount;) {
      const done = sysSendmmsg(fd, arena.base + this.#messagesAt + sent * MMSGHDR_BYTES, this.#messageCount - sent, 0);
      if (done > 0) {
        sent += done;
        continue;
      }
      const errno = sysErrno();
      if (errno === EINTR || (isRefusedSource(errno) && this.#sendFromAnywhere(sent))) continue;
      // The kernel has UDP GSO, but not for this route (`unit-sender.ts`).
      if (errno === EIO) this.#gso = false;
      sent++;
      counters.drops[DROP.sendFailed]!++;
    }
    this.#messageCount = 0;
    this.#datagramCount = 0;
  }

  /** Whether the datagram may be one more segment of the last message. */
  #continues(to: number, lane: number, trafficClass: number, bytes: number): boolean {
    return (
      this.#gso &&
      this.#messageCount > 0 &&
      this.#datagramCount < MAX_DATAGRAMS &&
      this.#slot === to &&
      this.#lane === lane &&
      this.#trafficClass === trafficClass &&
      !this.#isShort &&
      bytes <= this.#segment &&
      this.#segments < UDP_MAX_SEGMENTS &&
      this.#bytes + bytes <= UDP_MAX_PAYLOAD_BYTES
    );
  }

  #begin(to: number, lane: number, trafficClass: number, bytes: number): void {
    const { arena, peers, channels } = this.deps;
    if (this.#messageCount === MAX_MESSAGES || this.#datagramCount === MAX_DATAGRAMS) this.flush();
    const peer = channels.peerOf(to);
    const ipv4 = peers.hasIpv4(peer);
    const local = peers.localAt(peer);
    const info = this.#controlsAt + this.#messageCount * CMSG_ROOM + CMSG_UDP_SEGMENT_ROOM;
    const hopBytes = lane === this.deps.lane ? 0 : HOP_LIMIT_INFO_BYTES;
    if (hopBytes > 0) writeHopLimitInfo(arena, info, hopLimitOf(lane), ipv4);
    const infoBytes = hopBytes + writeHeaderInfo(arena, info + hopBytes, trafficClass, ipv4, local, peers.family);
    const message = this.#messagesAt + this.#messageCount * MMSGHDR_BYTES;
    arena.writeAddress(message + MSG_NAME, peers.addressAt(peer));
    arena.u32[(message + MSG_NAMELEN) >>> 2] = socketAddressBytes(peers.family);
    arena.writeAddress(message + MSG_IOV, this.#iovecsAt + this.#datagramCount * 2 * IOVEC_BYTES);
    arena.writeLength(message + MSG_IOVLEN, 0);
    arena.writeAddress(message + MSG_CONTROL, info);
    arena.writeLength(message + MSG_CONTROLLEN, infoBytes);
    this.#sourceBytes[this.#messageCount] = local === 0 ? 0 : packetInfoBytes(peers.family);
    this.#messageCount++;
    this.#slot = to;
    this.#lane = lane;
    this.#trafficClass = trafficClass;
    this.#segment = bytes;
    this.#segments = 0;
    this.#bytes = 0;
    this.#isShort = false;
  }

  #append(envelope: number, at: number, bytes: number): void {
    const { arena } = this.deps;
    const iovecs = this.#iovecsAt + this.#datagramCount * 2 * IOVEC_BYTES;
    arena.writeAddress(iovecs, envelope);
    arena.writeLength(iovecs + 8, DATAGRAM_HEADER_BYTES);
    arena.writeAddress(iovecs + IOVEC_BYTES, at);
    arena.writeLength(iovecs + IOVEC_BYTES + 8, bytes);
    this.#datagramCount++;
    this.#segments++;
    this.#bytes += DATAGRAM_HEADER_BYTES + bytes;
    this.#isShort = DATAGRAM_HEADER_BYTES + bytes < this.#segment;
    const last = this.#messageCount - 1;
    const message = this.#messagesAt + last * MMSGHDR_BYTES;
    arena.writeLength(message + MSG_IOVLEN, this.#segments * 2);
    if (this.#segments !== 2) return;
    const control = this.#controlsAt + last * CMSG_ROOM;
    writeSegmentSizeInfo(arena, control, this.#segment);
    arena.writeAddress(message + MSG_CONTROL, control);
    const length = (message + MSG_CONTROLLEN) >>> 2;
    arena.u32[length] = arena.u32[length]! + CMSG_UDP_SEGMENT_ROOM;
  }

  /** Takes the local address off a queued message that has one. */
  #sendFromAnywhere(message: number): boolean {
    const { u32 } = this.deps.arena;
    const bytes = this.#sourceBytes[message]!;
    if (bytes === 0) return false;
    this.#sourceBytes[message] = 0;
    const length = (this.#messagesAt + message * MMSGHDR_BYTES + MSG_CONTROLLEN) >>> 2;
    u32[length] = u32[length]! - bytes;
    return true;
  }
}
