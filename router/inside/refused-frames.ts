/**
 * Refused frames: each is counted under its reason, and the sender is told by an ICMP error (`icmp-error.ts`), through
 * the node's IP stack for what came from the inside, in a unit for what came from a peer.
 */
import type { Arena } from '../kernel/arena.js';
import { sysWrite } from '../kernel/ffi.js';
import { TYPE_DATA } from '../../common/wire/datagram-header.js';
import { paddedRecordBytes, RECORD_LENGTH_BYTES } from '../../common/wire/data-unit.js';
import type { UnitSender } from '../outside/unit-sender.js';
import type { IcmpError } from '../packet/icmp-error.js';
import { IcmpErrors } from '../packet/icmp-error.js';
import type { Counters } from '../tables/counters.js';
import { DROP } from '../tables/drop-reasons.js';
import type { LoopTables } from '../tables/forwarding-tables.js';
import { EMPTY_TABLES } from '../tables/forwarding-tables.js';
import type { TapQueues } from './tap-queues.js';

export class RefusedFrames {
  tables: LoopTables = EMPTY_TABLES;
  /** Apart, so that no peer uses up the rate of the errors for this node's pods. */
  readonly #forInside: IcmpErrors;
  readonly #forPeers: IcmpErrors;

  constructor(
    private readonly arena: Arena,
    private readonly queues: TapQueues,
    private readonly sender: UnitSender,
    private readonly counters: Counters,
    private readonly nowMs: () => number,
  ) {
    this.#forInside = new IcmpErrors(arena);
    this.#forPeers = new IcmpErrors(arena);
  }

  /**
   * Refuses the packet of `ipBytes` bytes at `l3`, which was read from the TAP.
   * @param mtuBytes with PACKET_TOO_BIG
   */
  fromInside(reason: number, error: IcmpError, l3: number, ipBytes: number, mtuBytes = 0): void {
    const { counters, arena } = this;
    counters.drops[reason]!++;
    const bytes = this.#forInside.write(error, l3, ipBytes, this.#gatewayFor(l3), this.nowMs(), mtuBytes);
    if (bytes === 0) return;
    if (sysWrite(this.queues.anyFd, arena.base + this.#forInside.at, bytes) < 0) counters.drops[DROP.tapWriteFailed]!++;
  }

  /** Refuses the packet of `ipBytes` bytes at `l3`, which this peer sent. */
  fromPeer(peer: number, reason: number, error: IcmpError, l3: number, ipBytes: number): void {
    const { arena, sender } = this;
    this.counters.drops[reason]!++;
    const bytes = this.#forPeers.write(error, l3, ipBytes, this.#gatewayFor(l3), this.nowMs());
    if (bytes === 0) return;
    const slot = sender.take(peer);
    const record = sender.unitAt(slot);
    const padded = paddedRecordBytes(bytes);
    arena.u8.fill(0, record, record + padded);
    arena.u32[record >>> 2] = bytes;
    arena.u8.copyWithin(record + RECORD_LENGTH_BYTES, this.#forPeers.at, this.#forPeers.at + bytes);
    sender.close(slot, padded, TYPE_DATA);
    sender.flush();
  }

  #gatewayFor(l3: number): Uint8Array | null {
    return this.arena.u8[l3]! >>> 4 === 6 ? this.tables.gateway6 : this.tables.gateway4;
  }
}
