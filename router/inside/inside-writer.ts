/**
 * Path of records from an opened unit to the node. Each record is checked: its lengths, its virtio header, that its source
 * belongs to the peer that sent it, and that its destination lies in a pod CIDR of this node. It is addressed to the gateway
 * and goes to the TAP, coalesced with its neighbours where that is possible (`gro-coalescer.ts`). The node's IP stack routes
 * it to the pod, or sends an ICMP error when no pod has the address.
 */
import { GATEWAY_MAC, macToBytes, MESH_MAC } from '../../common/address/mac-address.js';
import type { Arena } from '../kernel/arena.js';
import { NOTHING_CARRIED } from '../carried.js';
import type { Counters } from '../tables/counters.js';
import { DROP } from '../tables/drop-reasons.js';
import type { LoopTables } from '../tables/forwarding-tables.js';
import { EMPTY_TABLES, LOCAL } from '../tables/forwarding-tables.js';
import {
  createParsedFrame,
  ETHERNET_BYTES,
  FRAME_IPV4,
  FRAME_IPV6,
  parseFrame,
  sameAddresses,
} from '../packet/frame.js';
import { VIRTIO_NET_HDR_BYTES } from '../kernel/linux-abi.js';
import { HOST_UNREACHABLE, SOURCE_REFUSED } from '../packet/icmp-error.js';
import { applyMark, NOT_ECT } from '../packet/congestion-mark.js';
import { isNeighbourDiscovery } from '../packet/neighbour-discovery.js';
import { GroCoalescer } from './gro-coalescer.js';
import { checkRecord, paddedRecordBytes, RECORD_LENGTH_BYTES } from '../../common/wire/data-unit.js';
import type { RefusedFrames } from './refused-frames.js';
import type { TapQueues } from './tap-queues.js';
import { checkVirtioHeader } from '../packet/virtio-net-header.js';

/** Destination and source of every frame that the node is given. The bridge would drop a source that is a multicast address. */
const ETHERNET_ADDRESSES = Uint8Array.of(...macToBytes(GATEWAY_MAC), ...macToBytes(MESH_MAC));

export class InsideWriter {
  /** Running total of the records taken, dropped ones included. */
  framesTaken = NOTHING_CARRIED;
  #tables: LoopTables = EMPTY_TABLES;
  readonly #parsed = createParsedFrame();
  /** Addresses and peer of the last record that passed: most records repeat them. */
  readonly #lastWords = new Int32Array(8);
  #lastPeer = 0;
  readonly #coalescer: GroCoalescer;

  constructor(
    private readonly arena: Arena,
    queues: TapQueues,
    private readonly counters: Counters,
    private readonly refused: RefusedFrames,
    uso: boolean,
  ) {
    this.#coalescer = new GroCoalescer(arena, queues, counters, uso);
  }

  useTables(tables: LoopTables): void {
    this.#tables = tables;
    this.#lastPeer = 0;
  }

  /**
   * Delivers the records of an opened unit of `length` bytes at `unit`; they must stay in place until {@link flush}.
   * @param mark of the datagrams that the unit came in, which every record gets
   */
  deliver(peer: number, unit: number, length: number, mark: number): void {
    const { u32 } = this.arena;
    const end = unit + length;
    let at = unit;
    while (at + RECORD_LENGTH_BYTES <= end) {
      const bytes = u32[at >>> 2]!;
      const record = at + RECORD_LENGTH_BYTES;
      this.framesTaken++;
      if (!checkRecord(bytes, end - record)) {
        this.counters.drops[DROP.recordBadLength]!++;
        return;
      }
      this.#deliverRecord(peer, record, bytes, mark);
      at += paddedRecordBytes(bytes);
    }
  }

  flush(): void {
    this.#coalescer.flush();
  }

  #deliverRecord(peer: number, header: number, bytes: number, mark: number): void {
    const { arena } = this;
    const frame = header + VIRTIO_NET_HDR_BYTES;
    const frameBytes = bytes - VIRTIO_NET_HDR_BYTES;
    const kind = parseFrame(arena, frame, frameBytes, this.#parsed);
    if (kind !== FRAME_IPV4 && kind !== FRAME_IPV6) return this.#drop(DROP.recordNotIp);
    const ipv6 = kind === FRAME_IPV6;
    const l3 = frame + ETHERNET_BYTES;
    if (!checkVirtioHeader(arena.u8, header, frame, frameBytes, l3, ipv6))
      return this.#drop(DROP.recordBadVirtioHeader);
    if (ipv6 && isNeighbourDiscovery(arena.u8, l3, header + bytes)) return this.#drop(DROP.neighbourDiscovery);
    if (!this.#isRepeat(peer) && !this.#admit(peer, l3, header + bytes - l3)) return;
    if (mark !== NOT_ECT && !applyMark(arena.u8, l3, ipv6, mark)) return this.#drop(DROP.congestedNotEct);
    for (let i = 0; i < ETHERNET_ADDRESSES.length; i++) arena.u8[frame + i] = ETHERNET_ADDRESSES[i]!;
    this.counters.received(peer, 1, frameBytes);
    this.#coalescer.push(header, bytes, l3, ipv6);
  }

  #isRepeat(peer: number): boolean {
    return peer === this.#lastPeer && sameAddresses(this.#parsed.words, this.#lastWords);
  }

  /** Whether the source is within the peer's claims and the destination within this node's. */
  #admit(peer: number, l3: number, ipBytes: number): boolean {
    const words = this.#parsed.words;
    const { routes, localCidrs } = this.#tables;
    this.#lastPeer = 0;
    if (routes.lookup(words[0]!, words[1]!, words[2]!, words[3]!) !== peer) {
      this.refused.fromPeer(peer, DROP.spoofedSource, SOURCE_REFUSED, l3, ipBytes);
      return false;
    }
    if (localCidrs.lookup(words[4]!, words[5]!, words[6]!, words[7]!) !== LOCAL) {
      this.refused.fromPeer(peer, DROP.unknownDestination, HOST_UNREACHABLE, l3, ipBytes);
      return false;
    }
    this.#lastWords.set(words);
    this.#lastPeer = peer;
    return true;
  }

  #drop(reason: number): void {
    this.counters.drops[reason]!++;
  }
}
