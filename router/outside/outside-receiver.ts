/**
 * Path of datagrams from the underlay to opened units. The stages of a datagram:
 *
 *   1. receive   recvmmsg; with UDP GRO a message holds coalesced datagrams of one size, scattered so that headers and
 *                fragments lie apart and the fragments of one unit follow each other in memory
 *   2. check     length, type, session index, fragment numbers; then the replay window: a counter seen before is dropped
 *   3. assemble  a unit whose fragments are all in one message is complete as it lies; others pass through `reassembly.ts`
 *   4. open      authenticate and decrypt in place; only then mark the window and accept the sender's address
 *   5. hand on   data to the TAP, control messages to the agent; probes are answered
 *
 * Before stage 4 nothing is trusted and nothing is answered. For an unknown index nothing is kept, unless its keys are on the way
 * (`early-datagrams.ts`). A datagram in an envelope of a relay (ADR 0044) is taken out at stage 2, or passed on when this node is the
 * relay (`relay.ts`).
 */
import type { Arena } from '../kernel/arena.js';
import { NOTHING_CARRIED } from '../carried.js';
import type { Counters } from '../tables/counters.js';
import {
  COUNTER_LOW_WORD,
  DATAGRAM_HEADER_BYTES,
  fragmentIn,
  fragmentsIn,
  HEADER_WORDS,
  INDEX_WORD,
  isSealedType,
  laneIn,
  LENGTH_COUNTER_WORD,
  TYPE_CONTROL,
  TYPE_COOKIE,
  TYPE_DATA,
  TYPE_INITIATION,
  TYPE_PROBE,
  TYPE_RELAY,
  typeIn,
} from '../../common/wire/datagram-header.js';
import { MAX_FRAGMENTS, MAX_LANES } from '../../common/protocol.js';
import { swap32 } from '../kernel/byte-order.js';
import { TAG_BYTES } from '../../common/wire/sealed-unit.js';
import { createFragment } from './fragment.js';
import type { Fragment } from './fragment.js';
import { DROP } from '../tables/drop-reasons.js';
import type { EarlyDatagrams } from './early-datagrams.js';
import { sysRecvmmsg } from '../kernel/ffi.js';
import type { Reassembly } from './reassembly.js';
import { INCOMPLETE } from './reassembly.js';
import type { Relay } from './relay.js';
import type { RelayChannels } from './relay-channels.js';
import { NO_CHANNEL } from './relay-channels.js';
import type { Origin, ReceiverEvents } from './receiver-events.js';
import { RECEIVE_MESSAGES } from '../limits.js';
import type { LossReports } from './loss-reports.js';
import {
  CMSG_DATA,
  CMSG_ROOM,
  IOVEC_BYTES,
  MMSGHDR_BYTES,
  MSG_CONTROL,
  MSG_CONTROLLEN,
  MSG_DONTWAIT,
  MSG_IOV,
  MSG_IOVLEN,
  MSG_LENGTH,
  MSG_NAME,
  MSG_NAMELEN,
  SOCKADDR_ROOM,
  SOL_UDP,
  UDP_GRO,
} from '../kernel/linux-abi.js';
import type { Peers } from '../tables/peers.js';
import { NO_SESSION } from '../tables/peers.js';
import type { Sessions } from '../tables/sessions.js';
import { NO_CONTEXT } from '../tables/sessions.js';
import { localAddressIn } from '../kernel/packet-info.js';
import { trafficClassIn } from '../kernel/traffic-class-info.js';
import { MARK_BITS, NOT_ECT } from '../packet/congestion-mark.js';
import { sameSocketAddressMemory } from '../kernel/socket-address-memory.js';

/** Datagram size at an IPv4 path MTU of 1500; adapted to the messages that arrive. */
const INITIAL_STRIDE_BYTES = 1472;
const MIN_STRIDE_BYTES = 512;
const MAX_MESSAGE_BYTES = 65536;
const MAX_DATAGRAMS = Math.ceil(MAX_MESSAGE_BYTES / MIN_STRIDE_BYTES) + 1;
const HEADROOM_BYTES = 64;
const TWO_POW_32 = 2 ** 32;

/** Sink of the records of opened data units, implemented by the inside (`inside/inside-writer.ts`). */
export interface RecordSink {
  /**
   * Delivers the records of an opened unit of `length` bytes at offset `unit` of the arena, where they stay until {@link flush}.
   * @param mark of the datagrams that the unit came in (`packet/congestion-mark.ts`)
   */
  deliver(peer: number, unit: number, length: number, mark: number): void;
  flush(): void;
}

export interface OutsideReceiverDeps {
  readonly arena: Arena;
  readonly fd: number;
  readonly peers: Peers;
  readonly sessions: Sessions;
  readonly reassembly: Reassembly;
  readonly early: EarlyDatagrams;
  readonly writer: RecordSink;
  readonly counters: Counters;
  readonly lossReports: LossReports;
  readonly lanes: number;
  readonly channels: RelayChannels;
  readonly relay: Relay;
  readonly events: ReceiverEvents;
}

export class OutsideReceiver {
  /** Running total of the bytes of datagrams received. */
  bytesReceived = NOTHING_CARRIED;
  readonly #arena: Arena;
  readonly #fragment = createFragment();
  readonly #messages: number;
  readonly #headers = new Int32Array(RECEIVE_MESSAGES + 1);
  readonly #fragments = new Int32Array(RECEIVE_MESSAGES + 1);
  readonly #iovecs = new Int32Array(RECEIVE_MESSAGES);
  readonly #controls = new Int32Array(RECEIVE_MESSAGES);
  readonly #names = new Int32Array(RECEIVE_MESSAGES);
  /** Datagram size that the iovecs are laid out for, and the size that they will be laid out for next. */
  #stride = 0;
  #wantedStride = INITIAL_STRIDE_BYTES;
  readonly #linear: number;
  /** Of the current message: size of its coalesced datagrams, and the offset of the local address it came to, 0 when unknown. */
  #segment = 0;
  #local = 0;
  #trafficClass = 0;
  #nowMs = 0;
  /** Stands for the sender of what was in an envelope: a socket address that is nobody's. */
  readonly #enveloped: number;
  /** Slot of the channel, and address of the relay, of the datagram in hand. */
  #channel = NO_CHANNEL;
  #relayAddress = 0;
  readonly #origin: Origin = { address: 0, local: 0, channel: NO_CHANNEL };

  constructor(private readonly deps: OutsideReceiverDeps) {
    const { arena } = deps;
    this.#arena = arena;
    this.#messages = arena.allocate(RECEIVE_MESSAGES * MMSGHDR_BYTES);
    for (let i = 0; i <= RECEIVE_MESSAGES; i++) {
      this.#headers[i] = arena.allocate(MAX_DATAGRAMS * DATAGRAM_HEADER_BYTES);
      this.#fragments[i] = arena.allocate(HEADROOM_BYTES + MAX_MESSAGE_BYTES + 4096, 4096) + HEADROOM_BYTES;
    }
    for (let i = 0; i < RECEIVE_MESSAGES; i++) {
      this.#iovecs[i] = arena.allocate(MAX_DATAGRAMS * 2 * IOVEC_BYTES);
      this.#controls[i] = arena.allocate(CMSG_ROOM);
      this.#names[i] = arena.allocate(SOCKADDR_ROOM);
    }
    this.#linear = arena.allocate(MAX_MESSAGE_BYTES);
    this.#enveloped = arena.allocate(SOCKADDR_ROOM);
  }

  /** Receives one batch; returns how many messages it was. */
  drain(nowMs: number): number {
    if (this.#stride !== this.#wantedStride) this.#layOut(this.#wantedStride);
    this.#nowMs = nowMs;
    const received = sysRecvmmsg(this.deps.fd, this.#arena.base + this.#messages, RECEIVE_MESSAGES, MSG_DONTWAIT, 0);
    for (let i = 0; i < received; i++) this.#takeMessage(i);
    this.deps.writer.flush();
    this.deps.relay.flush();
    return received;
  }

  /** Takes the datagrams that came before the keys of the session in this slot. */
  takeEarly(slot: number, nowMs: number): void {
    const { early, writer } = this.deps;
    const fragment = this.#fragment;
    this.#nowMs = nowMs;
    this.#local = 0;
    early.end(slot);
    early.expire(nowMs);
    while (early.take(slot)) {
      fragment.at = early.header + DATAGRAM_HEADER_BYTES;
      fragment.bytes = early.bytes;
      fragment.sender = early.isEnveloped ? this.#enveloped : early.sender;
      fragment.mark = early.mark;
      // Each lies alone: a unit of several passes through the reassembly.
      this.#takeSealed(early.header >>> 2, 0, 1, early.bytes);
    }
    writer.flush();
  }

  #takeMessage(i: number): void {
    const { u32 } = this.#arena;
    const message = this.#messages + i * MMSGHDR_BYTES;
    const total = u32[(message + MSG_LENGTH) >>> 2]!;
    this.bytesReceived += total;
    this.#readControl(i);
    const segment = Math.min(this.#segment, total);
    u32[(message + MSG_CONTROLLEN) >>> 2] = CMSG_ROOM;
    u32[(message + MSG_NAMELEN) >>> 2] = SOCKADDR_ROOM;
    if (segment === 0) return this.#drop(DROP.datagramTooShort);
    if (segment === total ? total <= this.#stride : segment === this.#stride) {
      this.#takeDatagrams(this.#headers[i]!, this.#fragments[i]!, segment, total, this.#names[i]!);
    } else {
      this.#takeOddSize(i, segment, total);
    }
  }

  /**
   * Control messages: UDP GRO reports the size of coalesced datagrams; MAX_MESSAGE_BYTES stands for a single datagram. GRO
   * coalesces only datagrams of one traffic class (Linux 6.9, and maintained older kernels).
   */
  #readControl(i: number): void {
    const { u32 } = this.#arena;
    const first = this.#controls[i]!;
    const end = first + u32[(this.#messages + i * MMSGHDR_BYTES + MSG_CONTROLLEN) >>> 2]!;
    this.#segment = MAX_MESSAGE_BYTES;
    this.#local = 0;
    this.#trafficClass = 0;
    this.#fragment.mark = NOT_ECT;
    for (let at = first; at + CMSG_DATA < end; at += (u32[at >>> 2]! + 7) & ~7) {
      const word = at >>> 2;
      if (u32[word + 2] === SOL_UDP && u32[word + 3] === UDP_GRO) {
        this.#segment = u32[word + CMSG_DATA / 4]!;
        continue;
      }
      const trafficClass = trafficClassIn(this.#arena, at);
      if (trafficClass >= 0) {
        this.#trafficClass = trafficClass;
        this.#fragment.mark = trafficClass & MARK_BITS;
      } else if (this.#local === 0) this.#local = localAddressIn(this.#arena, at);
    }
  }

  /** Takes datagrams of another size than the iovecs are laid out for: copies them into one piece, then takes one by one. */
  #takeOddSize(i: number, segment: number, total: number): void {
    const { u8 } = this.#arena;
    const fragmentBytes = this.#stride - DATAGRAM_HEADER_BYTES;
    for (let at = 0, part = 0; at < total; at += this.#stride, part++) {
      const header = this.#headers[i]! + part * DATAGRAM_HEADER_BYTES;
      const fragment = this.#fragments[i]! + part * fragmentBytes;
      // At most what arrived: a stride larger than the rest would run past the end.
      const bytes = Math.min(this.#stride, total - at);
      u8.copyWithin(this.#linear + at, header, header + Math.min(DATAGRAM_HEADER_BYTES, bytes));
      u8.copyWithin(this.#linear + at + DATAGRAM_HEADER_BYTES, fragment, fragment + bytes - DATAGRAM_HEADER_BYTES);
    }
    const header = this.#headers[RECEIVE_MESSAGES]!;
    const fragment = this.#fragments[RECEIVE_MESSAGES]!;
    for (let at = 0; at < total; at += segment) {
      const bytes = Math.min(segment, total - at);
      u8.copyWithin(header, this.#linear + at, this.#linear + at + DATAGRAM_HEADER_BYTES);
      u8.copyWithin(fragment, this.#linear + at + DATAGRAM_HEADER_BYTES, this.#linear + at + bytes);
      this.#takeDatagrams(header, fragment, bytes, bytes, this.#names[i]!);
      // The next datagram overwrites this one.
      this.deps.writer.flush();
      this.deps.relay.flush();
    }
    if (segment >= MIN_STRIDE_BYTES && segment % 4 === 0) this.#wantedStride = segment;
  }

  /** Takes `total` bytes of datagrams of `segment` bytes each (the last may be shorter), headers and fragments apart. */
  #takeDatagrams(headers: number, fragments: number, segment: number, total: number, name: number): void {
    const { u32 } = this.#arena;
    const count = Math.ceil(total / segment);
    const fragmentBytes = segment - DATAGRAM_HEADER_BYTES;
    for (let i = 0; i < count;) {
      const bytes = (i === count - 1 ? total - i * segment : segment) - DATAGRAM_HEADER_BYTES;
      const word = (headers + i * DATAGRAM_HEADER_BYTES) >>> 2;
      const fragmentAt = fragments + i * fragmentBytes;
      const type = typeIn(u32[word]!);
      // The last fragment of a unit may be shorter than a tag.
      if (bytes < (type >= TYPE_DATA && fragmentsIn(u32[word]!) > 1 ? 1 : TAG_BYTES)) {
        this.#drop(DROP.datagramTooShort);
        i++;
        continue;
      }
      if (isSealedType(type)) {
        this.#fragment.at = fragmentAt;
        this.#fragment.bytes = bytes;
        this.#fragment.sender = name;
        i += this.#takeSealed(word, fragmentBytes, count - i, total - i * segment);
        continue;
      }
      const header = headers + i * DATAGRAM_HEADER_BYTES;
      if (type >= TYPE_INITIATION && type <= TYPE_COOKIE) this.#takeHandshake(header, fragmentAt, bytes, name);
      else if (type === TYPE_RELAY) this.#takeEnvelope(header, fragmentAt, bytes, name);
      else this.#drop(DROP.datagramUnknownType);
      i++;
    }
  }

  /** Takes the envelope at `envelope`, and the `bytes` behind it at `at`. */
  #takeEnvelope(envelope: number, at: number, bytes: number, name: number): void {
    const { channels, relay } = this.deps;
    const word = envelope >>> 2;
    const channel = channels.find(word);
    if (channel === NO_CHANNEL) return this.#drop(DROP.relayUnknownChannel);
    const refusal = channels.refusal(channel, word, name);
    if (refusal !== null) return this.#drop(refusal);
    if (bytes <= DATAGRAM_HEADER_BYTES) return this.#drop(DROP.datagramTooShort);
    if (typeIn(this.#arena.u32[at >>> 2]!) === TYPE_RELAY) return this.#drop(DROP.relayNested);
    if (channels.isRelays(channel)) relay.forward(channel, envelope, at, bytes, this.#trafficClass, this.#nowMs);
    else this.#takeOutOf(channel, at, bytes, name);
  }

  /** Takes the datagram at `at`, of `bytes` with its header, that was in an envelope on this channel. */
  #takeOutOf(channel: number, at: number, bytes: number, name: number): void {
    const local = this.#local;
    // That is where the relay called.
    this.#local = 0;
    this.#channel = channel;
    this.#relayAddress = name;
    this.#takeInner(at, bytes - DATAGRAM_HEADER_BYTES, name);
    this.#channel = NO_CHANNEL;
    this.#local = local;
  }

  /** @param bytes behind the header */
  #takeInner(header: number, bytes: number, name: number): void {
    const word = header >>> 2;
    const fields = this.#arena.u32[word]!;
    const type = typeIn(fields);
    if (bytes < (type >= TYPE_DATA && fragmentsIn(fields) > 1 ? 1 : TAG_BYTES)) {
      return this.#drop(DROP.datagramTooShort);
    }
    const at = header + DATAGRAM_HEADER_BYTES;
    if (isSealedType(type)) {
      this.#fragment.at = at;
      this.#fragment.bytes = bytes;
      this.#fragment.sender = this.#enveloped;
      // Fragments lie apart: a unit of several passes through the reassembly.
      this.#takeSealed(word, 0, 1, bytes);
    } else if (type >= TYPE_INITIATION && type <= TYPE_COOKIE) this.#takeHandshake(header, at, bytes, name);
    else this.#drop(DROP.datagramUnknownType);
  }

  /**
   * Takes the sealed datagram whose header is at `word` and whose bytes are those of the fragment, or the whole unit it starts;
   * returns how many datagrams that are.
   */
  #takeSealed(word: number, fragmentBytes: number, datagramsLeft: number, bytesLeft: number): number {
    const { u32 } = this.#arena;
    const { sessions, reassembly } = this.deps;
    const fragment = this.#fragment;
    const fields = u32[word]!;
    fragment.session = sessions.find(u32[word + INDEX_WORD]!);
    fragment.type = typeIn(fields);
    if (fragment.session === NO_SESSION) return this.#takeUnknown(word);
    fragment.lane = laneIn(fields);
    fragment.number = fragmentIn(fields);
    fragment.fragments = fragmentsIn(fields);
    const high = swap32(u32[word + LENGTH_COUNTER_WORD]!);
    fragment.unitBytes = high >>> 16;
    fragment.counter = (high & 0xffff) * TWO_POW_32 + swap32(u32[word + COUNTER_LOW_WORD]!);
    const { lane, number, fragments, unitBytes } = fragment;
    if (number >= fragments || fragments > MAX_FRAGMENTS || unitBytes < TAG_BYTES)
      return this.#dropOne(DROP.datagramBadFragment);
    if (lane >= MAX_LANES || lane % this.deps.lanes !== sessions.lane) return this.#dropOne(DROP.wrongLane);
    fragment.context = sessions.context(fragment.session, lane);
    if (fragment.context === NO_CONTEXT) return this.#dropOne(DROP.noReceiveContext);
    if (!sessions.windows.isFresh(fragment.context, fragment.counter)) return this.#dropOne(DROP.replayed);
    if (fragments === 1) {
      if (fragment.bytes !== unitBytes) return this.#dropOne(DROP.datagramBadFragment);
      this.#open(fragment, fragment.at, fragment.mark);
      return 1;
    }
    if (number === 0 && this.#isWhole(word, fragmentBytes, datagramsLeft, bytesLeft)) {
      this.#open(fragment, fragment.at, fragment.mark);
      return fragments;
    }
    const place = reassembly.add(fragment);
    if (place !== INCOMPLETE) {
      this.#open(fragment, reassembly.unitAt(place), reassembly.markOf(place));
      // The place may be used again within this batch.
      this.deps.writer.flush();
      reassembly.release(place);
    }
    return 1;
  }

  #takeUnknown(word: number): 1 {
    const { sender } = this.#fragment;
    this.deps.early.keep(word, this.#fragment, sender === this.#enveloped, this.#nowMs);
    return 1;
  }

  /** True when the message holds all fragments of the unit in order, and they add up to it. */
  #isWhole(word: number, fragmentBytes: number, datagramsLeft: number, bytesLeft: number): boolean {
    const { fragments, unitBytes } = this.#fragment;
    if (datagramsLeft < fragments) return false;
    const headers = fragments * DATAGRAM_HEADER_BYTES;
    const available = datagramsLeft === fragments ? bytesLeft - headers : fragments * fragmentBytes;
    if (available !== unitBytes) return false;
    const { u32 } = this.#arena;
    for (let i = 1; i < fragments; i++) {
      const other = word + i * HEADER_WORDS;
      if (
        u32[other] !== (u32[word]! | (i << 16)) >>> 0 ||
        u32[other + INDEX_WORD] !== u32[word + INDEX_WORD] ||
        u32[other + LENGTH_COUNTER_WORD] !== u32[word + LENGTH_COUNTER_WORD] ||
        u32[other + COUNTER_LOW_WORD] !== u32[word + COUNTER_LOW_WORD]
      ) {
        return false;
      }
    }
    return true;
  }

  /** Opens the whole unit at arena offset `at`, which `fragment` is the last known fragment of, and hands it on. */
  #open(fragment: Fragment, at: number, mark: number): void {
    const { sessions, peers, counters, events, lossReports, writer } = this.deps;
    const { session, context, type, sender } = fragment;
    const length = fragment.unitBytes - TAG_BYTES;
    if (!sessions.openingKeys[context]!.open(at, length, fragment)) return this.#drop(DROP.badTag);
    const newest = fragment.counter > sessions.windows.highest(context);
    sessions.markOpened(context, fragment.counter, fragment.fragments);
    lossReports.opened(session, context, fragment.lane, type === TYPE_DATA, this.#nowMs);
    const peer = sessions.peerOf[session]!;
    counters.heard(peer, this.#nowMs);
    if (sessions.confirmed[session] === 0) {
      sessions.confirmed[session] = 1;
      events.confirmed(peer, session);
    }
    if (newest && !sameSocketAddressMemory(this.#arena, sender, peers.addressAt(peer), peers.family)) {
      this.#fromElsewhere(peer, type, sender);
    }
    if (newest && this.#local !== 0 && !peers.callsAt(peer, this.#local)) events.calledAt(peer, this.#local);
    if (type === TYPE_DATA) writer.deliver(peer, at, length, mark);
    else if (type === TYPE_CONTROL) events.control(peer, this.#arena.u8.slice(at, at + length));
    else this.#takeProbe(peer, sender, at, length);
  }

  #takeProbe(peer: number, sender: number, at: number, length: number): void {
    const origin = this.#origin;
    const isEnveloped = sender === this.#enveloped;
    origin.address = isEnveloped ? this.#relayAddress : sender;
    origin.local = this.#local;
    origin.channel = isEnveloped ? this.#channel : NO_CHANNEL;
    this.deps.events.probe(peer, origin, at, length, this.#nowMs);
  }

  /** The newest unit of a peer came from another address than its datagrams are sent to. */
  #fromElsewhere(peer: number, type: number, sender: number): void {
    const { peers, events, counters } = this.deps;
    const isEnveloped = sender === this.#enveloped;
    const isRelayed = peers.relayedPath(peer) !== undefined;
    if (isEnveloped !== isRelayed) counters.heardElsewhere(peer, this.#nowMs);
    // An envelope says nothing about the address of the peer.
    if (isEnveloped) return;
    if (!isRelayed) return events.roamed(peer, sender, this.#local);
    // The other end looks for the direct path with probes all the time.
    if (type !== TYPE_PROBE) events.heardDirectly(peer, sender, this.#local);
  }

  #takeHandshake(header: number, fragment: number, bytes: number, name: number): void {
    const datagram = new Uint8Array(DATAGRAM_HEADER_BYTES + bytes);
    datagram.set(this.#arena.u8.subarray(header, header + DATAGRAM_HEADER_BYTES));
    datagram.set(this.#arena.u8.subarray(fragment, fragment + bytes), DATAGRAM_HEADER_BYTES);
    this.deps.events.handshake(name, this.#local, this.#channel, datagram);
  }

  #drop(reason: number): void {
    this.deps.counters.drops[reason]!++;
  }

  #dropOne(reason: number): 1 {
    this.deps.counters.drops[reason]!++;
    return 1;
  }

  #layOut(stride: number): void {
    const arena = this.#arena;
    const parts = Math.ceil(MAX_MESSAGE_BYTES / stride);
    const fragmentBytes = stride - DATAGRAM_HEADER_BYTES;
    for (let i = 0; i < RECEIVE_MESSAGES; i++) {
      for (let part = 0; part < parts; part++) {
        const at = this.#iovecs[i]! + part * 2 * IOVEC_BYTES;
        arena.writeAddress(at, this.#headers[i]! + part * DATAGRAM_HEADER_BYTES);
        arena.writeLength(at + 8, DATAGRAM_HEADER_BYTES);
        arena.writeAddress(at + IOVEC_BYTES, this.#fragments[i]! + part * fragmentBytes);
        arena.writeLength(at + IOVEC_BYTES + 8, fragmentBytes);
      }
      const message = this.#messages + i * MMSGHDR_BYTES;
      arena.writeAddress(message + MSG_NAME, this.#names[i]!);
      arena.u32[(message + MSG_NAMELEN) >>> 2] = SOCKADDR_ROOM;
      arena.writeAddress(message + MSG_IOV, this.#iovecs[i]!);
      arena.writeLength(message + MSG_IOVLEN, parts * 2);
      arena.writeAddress(message + MSG_CONTROL, this.#controls[i]!);
      arena.writeLength(message + MSG_CONTROLLEN, CMSG_ROOM);
    }
    this.#stride = stride;
  }
}
