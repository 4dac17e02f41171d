/**
 * Path of units to the underlay. A unit is built in a slot of the arena, sealed in place, cut into datagrams by an iovec list,
 * and sent with all others that are ready in one `sendmmsg`; the kernel cuts each message with UDP GSO.
 *
 *   1. take      a free slot for a peer; the caller writes records into it
 *   2. close     seal, write the datagram headers, queue the message
 *   3. flush     one sendmmsg for all queued messages; their slots are free again
 *
 * Without UDP GSO (old kernels, some devices) every datagram becomes a message of its own; nothing else changes. Units to a peer
 * behind a relay go another way, {@link Way}, which is looked for where a peer without a direct path would be refused.
 */
import { assert } from '../../common/errors.js';
import type { Arena } from '../kernel/arena.js';
import type { Counters } from '../tables/counters.js';
import {
  COUNTER_LOW_WORD,
  DATAGRAM_HEADER_BYTES,
  FIELDS_WORD,
  HEADER_WORDS,
  INDEX_WORD,
  LENGTH_COUNTER_WORD,
  packFields,
} from '../../common/wire/datagram-header.js';
import { MAX_FRAGMENTS, MAX_UNIT_BYTES, REFUSE_AFTER_UNITS } from '../../common/protocol.js';
import { swap32 } from '../kernel/byte-order.js';
import { fragmentsFor, TAG_BYTES } from '../../common/wire/sealed-unit.js';
import type { UnitBinding } from '../../common/wire/sealed-unit.js';
import { DROP } from '../tables/drop-reasons.js';
import { sysErrno, sysPoll, sysSendmmsg } from '../kernel/ffi.js';
import { FLUSH_AFTER_BYTES, MAX_FRAME_BYTES, UNIT_SLOTS } from '../limits.js';
import {
  CMSG_ROOM,
  CMSG_UDP_SEGMENT_ROOM,
  EAGAIN,
  EINTR,
  EIO,
  EMSGSIZE,
  ENOBUFS,
  IOVEC_BYTES,
  MMSGHDR_BYTES,
  MSG_CONTROL,
  MSG_CONTROLLEN,
  MSG_FLAGS,
  MSG_IOV,
  MSG_IOVLEN,
  MSG_NAME,
  MSG_NAMELEN,
  POLLFD_BYTES,
  POLLOUT,
  UDP_MAX_PAYLOAD_BYTES,
} from '../kernel/linux-abi.js';
import type { Peers } from '../tables/peers.js';
import { NO_SESSION } from '../tables/peers.js';
import type { Sessions } from '../tables/sessions.js';
import { packetInfoBytes } from '../kernel/packet-info.js';
import { writeSegmentSizeInfo } from '../kernel/segment-size-info.js';
import { TRAFFIC_CLASS_INFO_BYTES } from '../kernel/traffic-class-info.js';
import { socketAddressBytes } from '../kernel/socket-address-memory.js';
import type { EnvelopeWords } from '../tables/envelope-words.js';
import { ENVELOPED_HEADER_BYTES, EnvelopedUnits } from './enveloped-unit.js';
import { isRefusedSource, writeHeaderInfo } from './header-info.js';

/** Room in front of a unit: AES-GCM in OpenSSL's record mode writes there. */
const HEADROOM_BYTES = 64;
/** A unit, and behind it one more record: a frame is read before it is known whether it fits. */
const SLOT_BYTES = HEADROOM_BYTES + MAX_UNIT_BYTES + TAG_BYTES + MAX_FRAME_BYTES + 64;
const MAX_MESSAGES = UNIT_SLOTS * MAX_FRAGMENTS;
/** Waits for room in the socket buffer, SEND_WAIT_MS each, before the queued messages are dropped. */
const SEND_ATTEMPTS = 4;
const SEND_WAIT_MS = 2;
const TWO_POW_32 = 2 ** 32;
/** Bytes of control messages in front of the local address, which is the last: of segment size and traffic class none, one, both. */
const BYTES_BEFORE_SOURCE = [
  0,
  CMSG_UDP_SEGMENT_ROOM,
  TRAFFIC_CLASS_INFO_BYTES,
  CMSG_UDP_SEGMENT_ROOM + TRAFFIC_CLASS_INFO_BYTES,
];

/** Another way to a peer than its direct path. */
export interface Way {
  /** Arena offset of a socket address, which stays as it is until the flush. */
  readonly address: number;
  /** Arena offset of the local address that the datagrams leave from; 0 for the one that the route says. */
  readonly local: number;
  /** Null for datagrams without an envelope. */
  readonly envelope: EnvelopeWords | null;
}

export class UnitSender {
  readonly #slotAt = new Int32Array(UNIT_SLOTS);
  readonly #headersAt = new Int32Array(UNIT_SLOTS);
  readonly #iovecsAt = new Int32Array(UNIT_SLOTS);
  readonly #controlAt = new Int32Array(UNIT_SLOTS);
  /** Fragment size that the slot's iovecs are laid out for, and which of them is the short last one. */
  readonly #slotFragment = new Int32Array(UNIT_SLOTS);
  readonly #shortFragment = new Int32Array(UNIT_SLOTS).fill(-1);
  readonly #slotPeer = new Int32Array(UNIT_SLOTS);
  readonly #slotClass = new Uint8Array(UNIT_SLOTS);
  readonly #free = new Int32Array(UNIT_SLOTS);
  #freeCount = UNIT_SLOTS;
  readonly #queued = new Int32Array(UNIT_SLOTS);
  #queuedCount = 0;
  #queuedBytes = 0;
  readonly #messagesAt: number;
  readonly #messagePeer = new Int32Array(MAX_MESSAGES);
  /** Peers that the kernel refused a datagram of the size in use for. Their owner takes them out. */
  readonly tooBigFor = new Set<number>();
  #messageCount = 0;
  readonly #pollAt: number;
  readonly #enveloped: EnvelopedUnits;
  /** To the peer of the last unit behind a relay. */
  readonly #way = { address: 0, local: 0, envelope: null as EnvelopeWords | null };
  /** The unit last sealed; overwritten by every one. */
  readonly #unit = { counter: 0, type: 0, lane: 0, fragments: 0 };

  constructor(
    private readonly arena: Arena,
    private readonly fd: number,
    private readonly peers: Peers,
    private readonly sessions: Sessions,
    private readonly counters: Counters,
    private gso: boolean,
  ) {
    for (let slot = 0; slot < UNIT_SLOTS; slot++) {
      this.#slotAt[slot] = arena.allocate(SLOT_BYTES, 4096) + HEADROOM_BYTES;
      this.#headersAt[slot] = arena.allocate(MAX_FRAGMENTS * DATAGRAM_HEADER_BYTES);
      this.#iovecsAt[slot] = arena.allocate(MAX_FRAGMENTS * 2 * IOVEC_BYTES);
      this.#controlAt[slot] = arena.allocate(CMSG_ROOM);
      this.#free[slot] = UNIT_SLOTS - 1 - slot;
    }
    this.#messagesAt = arena.allocate(MAX_MESSAGES * MMSGHDR_BYTES);
    this.#pollAt = arena.allocate(POLLFD_BYTES);
    this.#enveloped = new EnvelopedUnits(arena);
  }

  /** A free slot for a unit to this peer. Flushes when none is left, so slots that are not closed must stay few. */
  take(peer: number): number {
    if (this.#freeCount === 0) this.flush();
    assert(this.#freeCount > 0, 'a unit slot is free after a flush');
    const slot = this.#free[--this.#freeCount]!;
    this.#slotPeer[slot] = peer;
    this.#slotClass[slot] = 0;
    return slot;
  }

  /** Sets the peer of a slot that was taken for none. */
  assign(slot: number, peer: number): void {
    this.#slotPeer[slot] = peer;
  }

  /** DSCP and ECN field of the datagrams of a slot, and of the frames in it; 0 in a slot that was just taken. */
  trafficClass(slot: number): number {
    return this.#slotClass[slot]!;
  }

  setTrafficClass(slot: number, trafficClass: number): void {
    this.#slotClass[slot] = trafficClass;
  }

  get freeSlots(): number {
    return this.#freeCount;
  }

  /** Arena offset where the unit of a slot starts. */
  unitAt(slot: number): number {
    return this.#slotAt[slot]!;
  }

  /** Gives a slot back without sending. */
  release(slot: number): void {
    this.#free[this.#freeCount++] = slot;
  }

  /** Most bytes of plaintext that a unit to the peer may have, in as many datagrams as it takes. */
  mostBytes(peer: number): number {
    return Math.min(MAX_FRAGMENTS * this.peers.fragmentBytes[peer]!, MAX_UNIT_BYTES) - TAG_BYTES;
  }

  /**
   * Seals the `length` bytes of plaintext in the slot and queues them. From then on the slot is the sender's.
   * False when the peer cannot be reached now: the unit is dropped and counted.
   */
  close(slot: number, length: number, type: number): boolean {
    return this.#seal(slot, length, type, this.peers.fragmentBytes[this.#slotPeer[slot]!]!);
  }

  /** As {@link close}, but in one datagram whatever the path MTU: that is what probes test. */
  closeWhole(slot: number, length: number, type: number): boolean {
    return this.#seal(slot, length, type, wholeFragment(length));
  }

  /** As {@link closeWhole}, another way than the peer's path says. */
  closeFor(slot: number, length: number, type: number, way: Way): boolean {
    const session = this.peers.activeSession[this.#slotPeer[slot]!]!;
    if (session === NO_SESSION) return this.#refuse(slot, DROP.noSession);
    return this.#sealFor(slot, session, length, type, wholeFragment(length), way);
  }

  #seal(slot: number, length: number, type: number, fragment: number): boolean {
    const peer = this.#slotPeer[slot]!;
    const session = this.peers.activeSession[peer]!;
    if (session === NO_SESSION || !this.peers.isDirect(peer)) return this.#sealRelayed(slot, length, type, fragment);
    const fragments = this.#sealInPlace(slot, session, length, type, fragment);
    if (fragments === 0) return false;
    this.#layOut(slot, fragment, fragments, length + TAG_BYTES);
    const address = this.peers.addressAt(peer);
    const iovecs = this.#iovecsAt[slot]!;
    const local = this.peers.localAt(peer);
    this.#queueMessages(slot, address, local, iovecs, fragment + DATAGRAM_HEADER_BYTES, fragments);
    this.#noteQueued(slot, length + TAG_BYTES);
    return true;
  }

  /** To a peer behind a relay; the unit is dropped when there is no way. */
  #sealRelayed(slot: number, length: number, type: number, fragment: number): boolean {
    const { peers } = this;
    const peer = this.#slotPeer[slot]!;
    const session = peers.activeSession[peer]!;
    if (session === NO_SESSION || !peers.isRelayed(peer)) return this.#refuse(slot, DROP.noSession);
    const way = this.#way;
    way.address = peers.addressAt(peer);
    way.local = peers.localAt(peer);
    way.envelope = peers.relayedPath(peer)!.envelope;
    return this.#sealFor(slot, session, length, type, fragment, way);
  }

  #sealFor(slot: number, session: number, length: number, type: number, fragment: number, way: Way): boolean {
    const { address, local, envelope } = way;
    const fragments = this.#sealInPlace(slot, session, length, type, fragment);
    if (fragments === 0) return false;
    const total = length + TAG_BYTES;
    if (envelope === null) {
      this.#layOut(slot, fragment, fragments, total);
      const iovecs = this.#iovecsAt[slot]!;
      this.#queueMessages(slot, address, local, iovecs, fragment + DATAGRAM_HEADER_BYTES, fragments);
    } else {
      const [headers, unit] = [this.#headersAt[slot]!, this.#slotAt[slot]!];
      const { lane } = this.sessions;
      const iovecs = this.#enveloped.layOut(slot, envelope, lane, headers, unit, fragment, fragments, total);
      this.#queueMessages(slot, address, local, iovecs, fragment + ENVELOPED_HEADER_BYTES, fragments);
    }
    this.#noteQueued(slot, total);
    return true;
  }

  /** Seals the unit of a slot and writes the headers of its datagrams. Returns how many they are, 0 when it is refused. */
  #sealInPlace(slot: number, session: number, length: number, type: number, fragment: number): number {
    const counter = this.sessions.nextCounter[session]!;
    if (counter >= REFUSE_AFTER_UNITS) return Number(this.#refuse(slot, DROP.sessionExhausted));
    const total = length + TAG_BYTES;
    const fragments = fragmentsFor(total, fragment);
    if (fragments > MAX_FRAGMENTS || total > MAX_UNIT_BYTES) return Number(this.#refuse(slot, DROP.frameTooLarge));
    this.sessions.nextCounter[session] = counter + 1;
    const unit = this.#unit;
    unit.counter = counter;
    unit.type = type;
    unit.lane = this.sessions.lane;
    unit.fragments = fragments;
    this.sessions.sealingKeys[session]!.seal(this.#slotAt[slot]!, length, unit);
    this.#writeHeaders(slot, session, total, unit);
    return fragments;
  }

  #noteQueued(slot: number, total: number): void {
    this.#queued[this.#queuedCount++] = slot;
    this.#queuedBytes += total;
    if (this.#queuedBytes >= FLUSH_AFTER_BYTES) this.flush();
  }

  /** Sends all queued messages. Those that the kernel refuses are dropped and counted. */
  flush(): void {
    let sent = 0;
    let attempts = SEND_ATTEMPTS;
    /** The last message that the local address was taken off. */
    let fromAnywhere = -1;
    while (sent < this.#messageCount) {
      const at = this.arena.base + this.#messagesAt + sent * MMSGHDR_BYTES;
      const done = sysSendmmsg(this.fd, at, this.#messageCount - sent, 0);
      if (done > 0) {
        // Refusals for another reason, as an interface that is down, have the same numbers.
        if (fromAnywhere === sent) this.peers.forgetLocal(this.#messagePeer[sent]!);
        sent += done;
        continue;
      }
      const errno = sysErrno();
      if (errno === EINTR) continue;
      if ((errno === EAGAIN || errno === ENOBUFS) && attempts-- > 0) this.#waitWritable();
      else {
        // A probe larger than the interface's MTU is refused too, which its missing answer says.
        if (errno === EMSGSIZE && !this.#isProbe(sent)) this.tooBigFor.add(this.#messagePeer[sent]!);
        if (isRefusedSource(errno) && this.#sendFromAnywhere(sent)) {
          fromAnywhere = sent;
          continue;
        }
        // The kernel has UDP GSO, but not for this route: a device without checksum offload (before Linux 6.11), IPsec.
        if (errno === EIO) this.gso = false;
        // The kernel refused the first message of the rest: too big for the interface, no route, ...
        sent++;
        this.counters.drops[DROP.sendFailed]!++;
      }
    }
    for (let i = 0; i < this.#queuedCount; i++) this.release(this.#queued[i]!);
    this.#queuedCount = 0;
    this.#queuedBytes = 0;
    this.#messageCount = 0;
  }

  /** Whether the first datagram of a queued message has another size than those of data to its peer. */
  #isProbe(message: number): boolean {
    const iovecs = this.#messagesAt + message * MMSGHDR_BYTES;
    const first = this.arena.u32[(iovecs + MSG_IOV) >>> 2]! - this.arena.baseLow;
    const bytes = this.arena.u32[(first + IOVEC_BYTES + 8) >>> 2]!;
    return bytes > this.peers.fragmentBytes[this.#messagePeer[message]!]!;
  }

  #refuse(slot: number, reason: number): false {
    this.counters.drops[reason]!++;
    this.release(slot);
    return false;
  }

  #writeHeaders(slot: number, session: number, total: number, unit: UnitBinding): void {
    const { u32 } = this.arena;
    const { counter, fragments } = unit;
    const fields = packFields(unit.type, unit.lane, 0, fragments);
    const index = this.sessions.remoteWireIndexes[session]!;
    const high = swap32(((total << 16) | ((counter / TWO_POW_32) & 0xffff)) >>> 0);
    const low = swap32(counter >>> 0);
    let word = this.#headersAt[slot]! >>> 2;
    for (let fragment = 0; fragment < fragments; fragment++, word += HEADER_WORDS) {
      u32[word + FIELDS_WORD] = fields | (fragment << 16);
      u32[word + INDEX_WORD] = index;
      u32[word + LENGTH_COUNTER_WORD] = high;
      u32[word + COUNTER_LOW_WORD] = low;
    }
  }

  /** Points the slot's iovecs at header and fragment of each datagram; writes only what changed since the last time. */
  #layOut(slot: number, fragment: number, fragments: number, total: number): void {
    const { arena } = this;
    const iovecs = this.#iovecsAt[slot]!;
    if (this.#slotFragment[slot] !== fragment) {
      for (let i = 0; i < MAX_FRAGMENTS; i++) {
        const at = iovecs + i * 2 * IOVEC_BYTES;
        arena.writeAddress(at, this.#headersAt[slot]! + i * DATAGRAM_HEADER_BYTES);
        arena.writeLength(at + 8, DATAGRAM_HEADER_BYTES);
        arena.writeAddress(at + IOVEC_BYTES, this.#slotAt[slot]! + i * fragment);
        arena.writeLength(at + IOVEC_BYTES + 8, fragment);
      }
      this.#slotFragment[slot] = fragment;
      this.#shortFragment[slot] = -1;
    }
    const short = this.#shortFragment[slot]!;
    if (short >= 0) arena.u32[(iovecs + (short * 2 + 1) * IOVEC_BYTES + 8) >>> 2] = fragment;
    arena.u32[(iovecs + (fragments * 2 - 1) * IOVEC_BYTES + 8) >>> 2] = total - (fragments - 1) * fragment;
    this.#shortFragment[slot] = fragments - 1;
  }

  /** @param datagramBytes with headers, of all datagrams but the last */
  #queueMessages(
    slot: number,
    address: number,
    local: number,
    iovecs: number,
    datagramBytes: number,
    fragments: number,
  ): void {
    const { arena, peers } = this;
    const peer = this.#slotPeer[slot]!;
    const control = this.#controlAt[slot]!;
    const header = control + CMSG_UDP_SEGMENT_ROOM;
    const trafficClass = this.#slotClass[slot]!;
    const headerBytes = writeHeaderInfo(arena, header, trafficClass, peers.hasIpv4(peer), local, peers.family);
    if (fragments === 1 || !this.gso) {
      for (let i = 0; i < fragments; i++) {
        this.#queueMessage(peer, address, iovecs + i * 2 * IOVEC_BYTES, 2, header, headerBytes);
      }
      return;
    }
    writeSegmentSizeInfo(arena, control, datagramBytes);
    const controlBytes = CMSG_UDP_SEGMENT_ROOM + headerBytes;
    // With their headers the largest units exceed one GSO send.
    const most = Math.floor(UDP_MAX_PAYLOAD_BYTES / datagramBytes);
    for (let i = 0; i < fragments; i += most) {
      const count = Math.min(most, fragments - i) * 2;
      this.#queueMessage(peer, address, iovecs + i * 2 * IOVEC_BYTES, count, control, controlBytes);
    }
  }

  #queueMessage(
    peer: number,
    address: number,
    iovecs: number,
    count: number,
    control: number,
    controlBytes: number,
  ): void {
    const { arena } = this;
    const { u32 } = arena;
    this.#messagePeer[this.#messageCount] = peer;
    const at = this.#messagesAt + this.#messageCount++ * MMSGHDR_BYTES;
    arena.writeAddress(at + MSG_NAME, address);
    u32[(at + MSG_NAMELEN) >>> 2] = socketAddressBytes(this.peers.family);
    arena.writeAddress(at + MSG_IOV, iovecs);
    arena.writeLength(at + MSG_IOVLEN, count);
    if (controlBytes > 0) arena.writeAddress(at + MSG_CONTROL, control);
    arena.writeLength(at + MSG_CONTROLLEN, controlBytes);
    u32[(at + MSG_FLAGS) >>> 2] = 0;
  }

  /** Takes the local address off a queued message that has one. */
  #sendFromAnywhere(message: number): boolean {
    const { u32 } = this.arena;
    const length = (this.#messagesAt + message * MMSGHDR_BYTES + MSG_CONTROLLEN) >>> 2;
    const without = u32[length]! - packetInfoBytes(this.peers.family);
    if (!BYTES_BEFORE_SOURCE.includes(without)) return false;
    u32[length] = without;
    return true;
  }

  #waitWritable(): void {
    this.arena.i32[this.#pollAt >>> 2] = this.fd;
    this.arena.u32[(this.#pollAt + 4) >>> 2] = POLLOUT;
    sysPoll(this.arena.base + this.#pollAt, 1, SEND_WAIT_MS);
  }
}

/** Bytes of the one fragment of a unit. */
function wholeFragment(length: number): number {
  return (length + TAG_BYTES + 3) & ~3;
}
