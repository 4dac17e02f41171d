/**
 * Path of frames from the pods to the peers. The stages of a frame:
 *
 *   1. read      from the TAP's queues in turn, directly behind the records of the open unit of the last peer
 *   2. classify  IP or not; source check; longest-prefix match gives the peer. A refusal sends an ICMP error
 *   3. pack      into the open unit of that peer: in place as a rule, moved when it is another peer's
 *   4. slice     a super-frame that exceeds the unit is cut at segment boundaries
 *   5. close     units are sealed and queued (`unit-sender.ts`), at the end of the batch all of them
 *
 * A batch is what the queues hold: no frame waits for others. A frame to a peer without a session waits for one apart from the
 * others (`waiting-frames.ts`), and goes through 3 to 5 when it is there.
 */
import type { Arena } from '../kernel/arena.js';
import { NOTHING_CARRIED } from '../carried.js';
import type { Counters } from '../tables/counters.js';
import { TYPE_DATA } from '../../common/wire/datagram-header.js';
import { DROP } from '../tables/drop-reasons.js';
import type { LoopTables } from '../tables/forwarding-tables.js';
import { EMPTY_TABLES, LOCAL } from '../tables/forwarding-tables.js';
import {
  createParsedFrame,
  ETHERNET_BYTES,
  FRAME_IPV4,
  FRAME_IPV6,
  FRAME_TOO_SHORT,
  parseFrame,
  sameAddresses,
} from '../packet/frame.js';
import { INSIDE_BUDGET_FRAMES, MAX_FRAME_BYTES, UNIT_SLOTS } from '../limits.js';
import { MAX_PEERS } from '../../common/protocol.js';
import { VIRTIO_NET_HDR_BYTES, VIRTIO_NET_HDR_GSO_NONE } from '../kernel/linux-abi.js';
import { HOST_UNREACHABLE, PACKET_TOO_BIG, SOURCE_REFUSED } from '../packet/icmp-error.js';
import type { IcmpError } from '../packet/icmp-error.js';
import { trafficClassOf } from '../packet/congestion-mark.js';
import { isNeighbourDiscovery } from '../packet/neighbour-discovery.js';
import type { Peers } from '../tables/peers.js';
import { NO_PEER, NO_SESSION } from '../tables/peers.js';
import { createSuperFrame, readSuperFrame, writeSlice } from '../packet/super-frame.js';
import { paddedRecordBytes, RECORD_LENGTH_BYTES } from '../../common/wire/data-unit.js';
import type { KeptFrames } from './kept-frames.js';
import type { RefusedFrames } from './refused-frames.js';
import type { TapQueues } from './tap-queues.js';
import type { WaitingRecords } from '../tables/waiting-records.js';
import { NOTHING_WAITS } from '../tables/waiting-records.js';
import type { UnitSender } from '../outside/unit-sender.js';
import { checkVirtioHeader, VH_GSO_TYPE } from '../packet/virtio-net-header.js';

const NO_SLOT = -1;
const NOT_FORWARDED = -1;
/** Of layer 3, from the virtio header. */
const L3_OFFSET = VIRTIO_NET_HDR_BYTES + ETHERNET_BYTES;
/** A unit with less room than this is closed: few frames would fit. */
const SMALLEST_RECORD_BYTES = 80;

export class InsideReader {
  tables: LoopTables = EMPTY_TABLES;
  /** Running total of the bytes of frames read. */
  bytesRead = NOTHING_CARRIED;
  /** Running total of the frames read. */
  framesRead = NOTHING_CARRIED;
  /** Whether the last batch ended at its budget, and not because the queues were empty. */
  moreWaits = false;
  /** Peers without a session that frames came for since the set was cleared. */
  readonly wantedPeers = new Set<number>();
  readonly #parsed = createParsedFrame();
  readonly #superFrame = createSuperFrame();
  /** Addresses and peer of the last frame that was forwarded: most frames repeat them, and skip both look-ups. */
  readonly #lastWords = new Int32Array(8);
  #lastPeer = NOT_FORWARDED;
  readonly #openSlot = new Int32Array(MAX_PEERS + 1).fill(NO_SLOT);
  readonly #openPeers = new Int32Array(UNIT_SLOTS);
  #openCount = 0;
  /** Bytes of records in each peer's open unit. */
  readonly #filled = new Int32Array(UNIT_SLOTS);

  constructor(
    private readonly arena: Arena,
    private readonly queues: TapQueues,
    private readonly peers: Peers,
    private readonly sender: UnitSender,
    private readonly counters: Counters,
    private readonly refused: RefusedFrames,
    private readonly waiting: WaitingRecords,
    private readonly kept: KeptFrames,
  ) {}

  useTables(tables: LoopTables): void {
    this.tables = tables;
    this.#lastPeer = NOT_FORWARDED;
  }

  /** Reads and sends one batch, of little more than `budgetBytes`; returns how many frames it read. */
  drain(budgetBytes: number, nowMs: number): number {
    const { arena, sender, peers, queues } = this;
    let frames = 0;
    let current = NO_SLOT;
    let currentPeer = 0;
    const lastByte = this.bytesRead + budgetBytes;
    while (frames < INSIDE_BUDGET_FRAMES && this.bytesRead < lastByte) {
      if (current === NO_SLOT) {
        this.#makeRoom(NO_PEER);
        current = sender.take(NO_PEER);
        currentPeer = 0;
        this.#filled[current] = 0;
      }
      const filled = this.#filled[current]!;
      const record = sender.unitAt(current) + filled;
      const length = queues.read(record + RECORD_LENGTH_BYTES, VIRTIO_NET_HDR_BYTES + MAX_FRAME_BYTES);
      if (length === 0) break;
      frames++;
      this.bytesRead += length;
      const peer = this.#classify(record + RECORD_LENGTH_BYTES, length);
      if (peer === NOT_FORWARDED) continue;
      if (peers.activeSession[peer] === NO_SESSION) {
        this.wantedPeers.add(peer);
        if (!this.waiting.add(peer, record + RECORD_LENGTH_BYTES, length, nowMs)) this.#drop(DROP.waitingFull);
        continue;
      }
      if (peer !== currentPeer && this.kept.isUnheard(peer, nowMs)) {
        this.kept.keep(peer, record + RECORD_LENGTH_BYTES, length, nowMs);
        this.#sendApart(peer, currentPeer, record + RECORD_LENGTH_BYTES, length);
        continue;
      }
      if (peer === currentPeer || (currentPeer === 0 && this.#openSlot[peer] === NO_SLOT)) {
        if (currentPeer === 0) {
          this.#adopt(current, peer);
          currentPeer = peer;
        }
      } else {
        // The frame is another peer's: move it behind that peer's records, and read the next frame there.
        const previous = current;
        current = this.#openSlot[peer]! === NO_SLOT ? this.#open(peer, currentPeer) : this.#openSlot[peer]!;
        arena.u8.copyWithin(
          sender.unitAt(current) + this.#filled[current]! + RECORD_LENGTH_BYTES,
          record + RECORD_LENGTH_BYTES,
          record + RECORD_LENGTH_BYTES + length,
        );
        if (currentPeer === 0) sender.release(previous);
        currentPeer = peer;
      }
      current = this.#append(current, peer, length);
      if (current === NO_SLOT) currentPeer = 0;
      else if (this.#filled[current]! > peers.unitBytes[peer]! - SMALLEST_RECORD_BYTES) {
        this.#close(current, peer);
        current = NO_SLOT;
      }
    }
    if (current !== NO_SLOT && currentPeer === 0) sender.release(current);
    this.#closeOpen(NO_PEER);
    sender.flush();
    this.framesRead += frames;
    this.moreWaits = frames === INSIDE_BUDGET_FRAMES || this.bytesRead >= lastByte;
    return frames;
  }

  /** Sends the frames that waited for a session with the peer, in order. Not within {@link drain}. */
  sendWaiting(peer: number): void {
    const { waiting } = this;
    for (let at = waiting.take(peer); at !== NOTHING_WAITS; at = waiting.take(peer)) {
      this.#sendApart(peer, NO_PEER, at, waiting.length);
    }
    this.#closeOpen(NO_PEER);
    this.sender.flush();
  }

  /** Sends the frames that are kept of the peer once more. Not within {@link drain}. */
  sendAgain(peer: number): void {
    this.kept.each(peer, (at, length) => this.#sendApart(peer, NO_PEER, at, length));
    this.#closeOpen(NO_PEER);
    this.sender.flush();
  }

  /** When {@link refuseOverdue} has something to do, Infinity for never. */
  get overdueMs(): number {
    return Math.min(this.waiting.dueMs, this.kept.dueMs);
  }

  /** Refuses the frames that have waited for too long, or that nothing was heard after; their senders are told. */
  refuseOverdue(nowMs: number): void {
    const { waiting, kept } = this;
    for (let at = waiting.takeDue(nowMs); at !== NOTHING_WAITS; at = waiting.takeDue(nowMs)) {
      this.#refuse(DROP.noSession, HOST_UNREACHABLE, at, waiting.length);
    }
    for (let at = kept.takeDue(nowMs); at !== NOTHING_WAITS; at = kept.takeDue(nowMs)) {
      this.#refuse(DROP.notHeard, HOST_UNREACHABLE, at, kept.length);
    }
  }

  /** Drops the frames that wait for a peer that is no longer one. */
  forgetWaiting(peer: number): void {
    while (this.waiting.take(peer) !== NOTHING_WAITS) this.#drop(DROP.noSession);
    this.kept.forget(peer);
  }

  /** The peer of a frame, or NOT_FORWARDED when it was dropped. */
  #classify(header: number, length: number): number {
    const { u8 } = this.arena;
    const frame = header + VIRTIO_NET_HDR_BYTES;
    const kind = parseFrame(this.arena, frame, length - VIRTIO_NET_HDR_BYTES, this.#parsed);
    if (kind !== FRAME_IPV4 && kind !== FRAME_IPV6) {
      return this.#drop(kind === FRAME_TOO_SHORT ? DROP.insideTooShort : DROP.insideNotIp);
    }
    if ((u8[frame]! & 1) !== 0) return this.#drop(DROP.insideMulticast);
    if (kind === FRAME_IPV6 && isNeighbourDiscovery(u8, frame + ETHERNET_BYTES, header + length)) {
      return this.#drop(DROP.insideMulticast);
    }
    return this.#route(header, length);
  }

  #route(header: number, length: number): number {
    const words = this.#parsed.words;
    const last = this.#lastWords;
    if (this.#lastPeer !== NOT_FORWARDED && sameAddresses(words, last)) {
      return this.#lastPeer;
    }
    const { localAddresses, routes } = this.tables;
    if (!localAddresses.has(words[0]!, words[1]!, words[2]!, words[3]!)) {
      return this.#refuse(DROP.insideSpoofedSource, SOURCE_REFUSED, header, length);
    }
    const peer = routes.lookup(words[4]!, words[5]!, words[6]!, words[7]!);
    if (peer === LOCAL) return this.#refuse(DROP.insideLocalDestination, HOST_UNREACHABLE, header, length);
    if (peer < 0) return this.#refuse(DROP.noRoute, HOST_UNREACHABLE, header, length);
    last.set(words);
    this.#lastPeer = peer;
    return peer;
  }

  #drop(reason: number): number {
    this.counters.drops[reason]!++;
    return NOT_FORWARDED;
  }

  #refuse(reason: number, error: IcmpError, header: number, length: number): number {
    this.refused.fromInside(reason, error, header + L3_OFFSET, length - L3_OFFSET);
    return NOT_FORWARDED;
  }

  /** Copies the record at `at` into the peer's open unit. @param spare as in {@link #open} */
  #sendApart(peer: number, spare: number, at: number, length: number): void {
    const { arena, sender } = this;
    const open = this.#openSlot[peer]!;
    const slot = open === NO_SLOT ? this.#open(peer, spare) : open;
    arena.u8.copyWithin(sender.unitAt(slot) + this.#filled[slot]! + RECORD_LENGTH_BYTES, at, at + length);
    this.#append(slot, peer, length);
  }

  /** Opens a unit for the peer. Keeps the open unit of `spare`: the record behind it is still to be moved. */
  #open(peer: number, spare: number): number {
    this.#makeRoom(spare);
    const slot = this.sender.take(peer);
    this.#adopt(slot, peer);
    this.#filled[slot] = 0;
    return slot;
  }

  #adopt(slot: number, peer: number): void {
    this.sender.assign(slot, peer);
    this.#openSlot[peer] = slot;
    this.#openPeers[this.#openCount++] = peer;
  }

  /** Frees a slot when none is free: first the queued ones, then those of open units. */
  #makeRoom(spare: number): void {
    if (this.sender.freeSlots > 0) return;
    this.sender.flush();
    if (this.sender.freeSlots > 0) return;
    this.#closeOpen(spare);
    this.sender.flush();
  }

  #closeOpen(spare: number): void {
    for (let i = this.#openCount - 1; i >= 0; i--) {
      const peer = this.#openPeers[i]!;
      if (peer !== spare) this.#close(this.#openSlot[peer]!, peer);
    }
  }

  /** Adds the record at the end of the slot. Returns the slot that is open for the peer afterwards, or NO_SLOT. */
  #append(slot: number, peer: number, length: number): number {
    const limit = this.peers.unitBytes[peer]!;
    const filled = this.#filled[slot]!;
    const recordBytes = paddedRecordBytes(length);
    const frame = this.sender.unitAt(slot) + filled + RECORD_LENGTH_BYTES + VIRTIO_NET_HDR_BYTES;
    const trafficClass = trafficClassOf(this.arena.u8, frame + ETHERNET_BYTES);
    if (filled === 0) this.sender.setTrafficClass(slot, trafficClass);
    // A unit has one traffic class: that of its datagrams is that of all its frames.
    else if (filled + recordBytes > limit || trafficClass !== this.sender.trafficClass(slot))
      return this.#moveToNewUnit(slot, peer, length, filled);
    const isSuper = this.arena.u8[frame - VIRTIO_NET_HDR_BYTES + VH_GSO_TYPE] !== VIRTIO_NET_HDR_GSO_NONE;
    if ((isSuper || recordBytes > limit) && !this.#isHeaderInRange(frame, length - VIRTIO_NET_HDR_BYTES)) {
      this.#drop(DROP.insideBadVirtioHeader);
      if (filled > 0) return slot;
      this.#forgetOpen(peer);
      this.sender.release(slot);
      return NO_SLOT;
    }
    this.counters.sent(peer, 1, length - VIRTIO_NET_HDR_BYTES);
    if (recordBytes <= limit) {
      this.#finishRecord(slot, filled, length, recordBytes);
      return slot;
    }
    if (this.#readSuperFrame(frame, length - VIRTIO_NET_HDR_BYTES)) {
      this.#slice(frame, peer, limit, trafficClass);
      this.#forgetOpen(peer);
      this.sender.release(slot);
      return NO_SLOT;
    }
    if (recordBytes > this.sender.mostBytes(peer)) {
      this.#refuseTooLarge(slot, peer, frame, length);
      return NO_SLOT;
    }
    // A frame larger than the limit of a unit travels alone, in as many datagrams as it needs.
    this.#finishRecord(slot, 0, length, recordBytes);
    this.#close(slot, peer);
    return NO_SLOT;
  }

  #refuseTooLarge(slot: number, peer: number, frame: number, length: number): void {
    const l3 = frame + ETHERNET_BYTES;
    const most = this.sender.mostBytes(peer) - RECORD_LENGTH_BYTES - L3_OFFSET;
    this.refused.fromInside(DROP.frameTooLarge, PACKET_TOO_BIG, l3, length - L3_OFFSET, most);
    this.#forgetOpen(peer);
    this.sender.release(slot);
  }

  /** Moves the record to a new unit and closes the old one: sealing writes the tag where the record lies. */
  #moveToNewUnit(slot: number, peer: number, length: number, filled: number): number {
    const { arena, sender } = this;
    this.#makeRoom(peer);
    const from = sender.unitAt(slot) + filled + RECORD_LENGTH_BYTES;
    const next = sender.take(peer);
    arena.u8.copyWithin(sender.unitAt(next) + RECORD_LENGTH_BYTES, from, from + length);
    this.#close(slot, peer);
    this.#adopt(next, peer);
    this.#filled[next] = 0;
    return this.#append(next, peer, length);
  }

  #finishRecord(slot: number, filled: number, length: number, recordBytes: number): void {
    const { u8, u32 } = this.arena;
    const record = this.sender.unitAt(slot) + filled;
    u32[record >>> 2] = length;
    for (let at = record + RECORD_LENGTH_BYTES + length; at < record + recordBytes; at++) u8[at] = 0;
    this.#filled[slot] = filled + recordBytes;
  }

  /** A pod with a raw socket may have written the header itself: the peer would refuse the frame, and it cannot be cut. */
  #isHeaderInRange(frame: number, frameBytes: number): boolean {
    const l3 = frame + ETHERNET_BYTES;
    const ipv6 = this.arena.u8[l3]! >>> 4 === 6;
    return checkVirtioHeader(this.arena.u8, frame - VIRTIO_NET_HDR_BYTES, frame, frameBytes, l3, ipv6);
  }

  #readSuperFrame(frame: number, frameBytes: number): boolean {
    const l3 = frame + ETHERNET_BYTES;
    const ipv6 = this.arena.u8[l3]! >>> 4 === 6;
    return readSuperFrame(this.arena.u8, frame, frameBytes, l3, ipv6, this.#superFrame);
  }

  #slice(frame: number, peer: number, limit: number, trafficClass: number): void {
    const { arena, sender } = this;
    const parts = this.#superFrame;
    const room = limit - RECORD_LENGTH_BYTES - VIRTIO_NET_HDR_BYTES - parts.headerBytes - 3;
    const step = Math.max(1, Math.floor(room / parts.gsoBytes)) * parts.gsoBytes;
    for (let offset = 0; offset < parts.payloadBytes; offset += step) {
      this.#makeRoom(peer);
      const slot = sender.take(peer);
      sender.setTrafficClass(slot, trafficClass);
      const bytes = Math.min(step, parts.payloadBytes - offset);
      const length = writeSlice(arena.u8, frame, parts, offset, bytes, sender.unitAt(slot));
      this.#finishRecord(slot, 0, length, paddedRecordBytes(length));
      if (!sender.close(slot, this.#filled[slot]!, TYPE_DATA)) {
        this.wantedPeers.add(peer);
        return;
      }
    }
  }

  #close(slot: number, peer: number): void {
    this.#forgetOpen(peer);
    if (!this.sender.close(slot, this.#filled[slot]!, TYPE_DATA)) this.wantedPeers.add(peer);
  }

  #forgetOpen(peer: number): void {
    this.#openSlot[peer] = NO_SLOT;
    for (let i = 0; i < this.#openCount; i++) {
      if (this.#openPeers[i] !== peer) continue;
      this.#openPeers[i] = this.#openPeers[--this.#openCount]!;
      return;
    }
  }
}
