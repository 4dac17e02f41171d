/**
 * Probes of a peer's router: whether it is there, the round-trip time, and how large a datagram may be. The peer's router
 * answers without its agent, so a link is alive while its routers are. The time of sending travels with the probe, so no
 * state is kept between probe and answer. Bytes: `common/wire/probe-unit.ts`.
 */
import type { SocketAddress } from '../../common/address/socket-address.js';
import { ipFamily } from '../../common/address/ip-address.js';
import type { Arena } from '../kernel/arena.js';
import type { Counters } from '../tables/counters.js';
import { DATAGRAM_HEADER_BYTES, TYPE_PROBE } from '../../common/wire/datagram-header.js';
import { underlayHeaderBytes } from '../../common/wire/overhead.js';
import type { Probe } from '../../common/wire/probe-unit.js';
import {
  checkProbe,
  KIND_PROBE,
  PROBE_BYTES,
  probeKind,
  readObserved,
  readProbe,
  writeAnswer,
  writeProbe,
} from '../../common/wire/probe-unit.js';
import { TAG_BYTES } from '../../common/wire/sealed-unit.js';
import { DROP } from '../tables/drop-reasons.js';
import type { Peers } from '../tables/peers.js';
import { NO_SESSION } from '../tables/peers.js';
import { readSocketAddress } from '../kernel/socket-address-memory.js';
import type { UnitSender } from './unit-sender.js';

const MAX_PROBE_BYTES = 65_000;
/** An answer that claims a longer round trip is dropped. */
const MAX_ROUND_TRIP_US = 60e6;

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
    const around = underlayHeaderBytes(ipFamily(endpoint.ip)) + DATAGRAM_HEADER_BYTES + TAG_BYTES;
    const length = Math.max(PROBE_BYTES, Math.min(sizeBytes - around, MAX_PROBE_BYTES));
    const probe: Probe = { probeId, sentUs: this.nowUs(), sizeBytes: Math.max(sizeBytes, length + around) };
    this.#send(peer, length, (at) => writeProbe(this.arena.view, at, probe));
  }

  /** Takes an opened probe unit of kind 0 or 1. `address` is where it came from. */
  receive(peer: number, address: number, unit: number, length: number): void {
    const { view } = this.arena;
    if (!checkProbe(view, unit, length)) return this.#drop();
    if (probeKind(view, unit) === KIND_PROBE) {
      const observed = readSocketAddress(this.arena, address);
      return this.#send(peer, PROBE_BYTES, (at) => writeAnswer(view, at, view, unit, observed));
    }
    const { probeId, sentUs, sizeBytes } = readProbe(view, unit);
    const roundTripUs = this.nowUs() - sentUs;
    if (!(roundTripUs >= 0 && roundTripUs < MAX_ROUND_TRIP_US)) return this.#drop();
    this.answered({ peer, probeId, sizeBytes, roundTripUs, observed: readObserved(view, unit) });
  }

  #drop(): void {
    this.counters.drops[DROP.malformedProbe]!++;
  }

  #send(peer: number, length: number, write: (at: number) => void): void {
    if (this.sender.freeSlots === 0) this.sender.flush();
    const slot = this.sender.take(peer);
    const unit = this.sender.unitAt(slot);
    this.arena.u8.fill(0, unit, unit + length);
    write(unit);
    this.sender.closeWhole(slot, length, TYPE_PROBE);
    this.sender.flush();
  }
}
