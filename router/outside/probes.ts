/**
 * Probes (wire type 7): is the peer's router there, how long is the way, how large may a datagram be. The peer's router
 * answers by itself, so a link is alive as long as frames pass, whatever the agents do. The clock of the asking side
 * travels with the probe and comes back, so nothing is remembered between question and answer.
 *
 *   0        1           4             8                   16          18      20                36        40
 *   +--------+-----------+-------------+-------------------+-----------+-------+-----------------+---------+- - -
 *   | kind   | zero      | probe id u32| sent, us, f64     | size u16  | port  | observed address| zero    | padding
 *   +--------+-----------+-------------+-------------------+-----------+-------+-----------------+---------+- - -
 */
import type { SocketAddress } from '../../common/address/socket-address.js';
import { ipFromBytes, ipToBytes } from '../../common/address/ip-address.js';
import type { Arena } from '../kernel/arena.js';
import type { Counters } from '../tables/counters.js';
import { HEADER_BYTES, TAG_BYTES, TYPE_PROBE } from '../../common/wire/datagram.js';
import { DROP } from '../tables/drop-reasons.js';
import type { Peers } from '../tables/peers.js';
import { NO_SESSION } from '../tables/peers.js';
import { KIND_ANSWER, KIND_PROBE } from './probe-kinds.js';
import { readSocketAddress, underlayOverheadBytes } from '../kernel/socket-address-memory.js';
import type { UnitSender } from './unit-sender.js';

const PROBE_BYTES = 40;
const ID = 4;
const SENT_US = 8;
const SIZE = 16;
const OBSERVED_PORT = 18;
const OBSERVED_ADDRESS = 20;

export interface ProbeAnswer {
  readonly peer: number;
  readonly probeId: number;
  readonly sizeBytes: number;
  readonly roundTripUs: number;
  readonly observed: SocketAddress;
}

export class Probes {
  constructor(
    private readonly arena: Arena,
    private readonly peers: Peers,
    private readonly sender: UnitSender,
    private readonly counters: Counters,
    private readonly nowUs: () => number,
    private readonly answered: (answer: ProbeAnswer) => void,
  ) {}

  /** Sends a probe whose IP packet has `sizeBytes`, or as few as a probe can have. */
  send(peer: number, probeId: number, sizeBytes: number): void {
    const endpoint = this.peers.endpoint(peer);
    if (endpoint === null || this.peers.activeSession[peer] === NO_SESSION) {
      this.counters.drops[DROP.noSession]!++;
      return;
    }
    const around = underlayOverheadBytes(endpoint) + HEADER_BYTES + TAG_BYTES;
    const length = Math.max(PROBE_BYTES, Math.min(sizeBytes - around, 65000));
    const slot = this.#begin(peer, KIND_PROBE, length);
    const { view } = this.arena;
    const unit = this.sender.unitAt(slot);
    view.setUint32(unit + ID, probeId);
    view.setFloat64(unit + SENT_US, this.nowUs());
    view.setUint16(unit + SIZE, Math.max(sizeBytes, length + around));
    this.sender.closeWhole(slot, length, TYPE_PROBE);
    this.sender.flush();
  }

  /** Takes an opened probe unit: answers a question, reports an answer. `address` is where it came from. */
  receive(peer: number, address: number, unit: number, length: number): void {
    const { u8, view } = this.arena;
    if (length < PROBE_BYTES || u8[unit]! > KIND_ANSWER) {
      this.counters.drops[DROP.malformedProbe]!++;
      return;
    }
    if (u8[unit] === KIND_PROBE) return this.#answer(peer, address, unit);
    const roundTripUs = this.nowUs() - view.getFloat64(unit + SENT_US);
    if (!(roundTripUs >= 0 && roundTripUs < 60e6)) {
      this.counters.drops[DROP.malformedProbe]!++;
      return;
    }
    this.answered({
      peer,
      probeId: view.getUint32(unit + ID),
      sizeBytes: view.getUint16(unit + SIZE),
      roundTripUs,
      observed: {
        ip: ipFromBytes(u8.slice(unit + OBSERVED_ADDRESS, unit + OBSERVED_ADDRESS + 16)),
        port: view.getUint16(unit + OBSERVED_PORT),
      },
    });
  }

  #answer(peer: number, address: number, probe: number): void {
    const { u8, view } = this.arena;
    const slot = this.#begin(peer, KIND_ANSWER, PROBE_BYTES);
    const unit = this.sender.unitAt(slot);
    u8.copyWithin(unit + ID, probe + ID, probe + OBSERVED_PORT);
    const observed = readSocketAddress(this.arena, address);
    view.setUint16(unit + OBSERVED_PORT, observed.port);
    const bytes = ipToBytes(observed.ip);
    if (bytes.length === 4) u8.fill(0xff, unit + OBSERVED_ADDRESS + 10, unit + OBSERVED_ADDRESS + 12);
    u8.set(bytes, unit + OBSERVED_ADDRESS + 16 - bytes.length);
    this.sender.closeWhole(slot, PROBE_BYTES, TYPE_PROBE);
    this.sender.flush();
  }

  #begin(peer: number, kind: number, length: number): number {
    if (this.sender.freeSlots === 0) this.sender.flush();
    const slot = this.sender.take(peer);
    const unit = this.sender.unitAt(slot);
    this.arena.u8.fill(0, unit, unit + length);
    this.arena.u8[unit] = kind;
    return slot;
  }
}
