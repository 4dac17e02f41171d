/**
 * Probes of a peer's router: whether it is there, the round-trip time, and how large a datagram may be. The peer's router
 * answers without its agent, so a link is alive while its routers are. The time of sending travels with the probe, so no
 * state is kept between probe and answer. A probe is answered the way that it came, through a relay or not, so that an answer
 * shows both directions of that way. Bytes: `common/wire/probe-unit.ts`.
 */
import type { SocketAddress } from '../../common/address/socket-address.js';
import { ipFamily } from '../../common/address/ip-address.js';
import type { RouterCommand } from '../../common/router-port.js';
import type { Arena } from '../kernel/arena.js';
import type { Counters } from '../tables/counters.js';
import { DATAGRAM_HEADER_BYTES, TYPE_PROBE } from '../../common/wire/datagram-header.js';
import { ENVELOPE_BYTES } from '../../common/wire/relay-envelope.js';
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
import { SOCKADDR_ROOM } from '../kernel/linux-abi.js';
import { DROP } from '../tables/drop-reasons.js';
import type { Peers } from '../tables/peers.js';
import { NO_SESSION } from '../tables/peers.js';
import { readSocketAddress, writeSocketAddress } from '../kernel/socket-address-memory.js';
import type { Origin } from './receiver-events.js';
import type { RelayChannels } from './relay-channels.js';
import { NO_CHANNEL } from './relay-channels.js';
import type { UnitSender, Way } from './unit-sender.js';

const MAX_PROBE_BYTES = 65_000;
/** An answer that claims a longer round trip is dropped. */
const MAX_ROUND_TRIP_US = 60e6;

type ProbeCommand = Omit<Extract<RouterCommand, { type: 'probe' }>, 'type' | 'peer'>;

export interface ProbeAnswer {
  readonly peer: number;
  readonly probeId: number;
  readonly sizeBytes: number;
  readonly roundTripUs: number;
  readonly observed: SocketAddress;
  /** Absent when it came without an envelope. */
  readonly relayed?: true;
  readonly channel?: number;
}

export class Probes {
  /** Socket address of a peer whose path is another. */
  readonly #addressAt: number;

  constructor(
    private readonly arena: Arena,
    private readonly peers: Peers,
    private readonly sender: UnitSender,
    private readonly channels: RelayChannels,
    private readonly counters: Counters,
    private readonly nowUs: () => number,
    private readonly answered: (answer: ProbeAnswer) => void,
  ) {
    this.#addressAt = arena.allocate(SOCKADDR_ROOM);
  }

  /** Sends a probe whose IP packet has `sizeBytes`, or as few as a probe can have. */
  send(peer: number, { probeId, sizeBytes, direct = false, channel }: ProbeCommand): void {
    const way = channel !== undefined ? this.#onChannel(channel) : direct ? this.#directly(peer) : this.#byPath(peer);
    if (way === undefined || this.peers.activeSession[peer] === NO_SESSION) {
      this.counters.drops[DROP.noSession]!++;
      return;
    }
    const length = Math.max(PROBE_BYTES, Math.min(sizeBytes - way.aroundBytes, MAX_PROBE_BYTES));
    const probe: Probe = { probeId, sentUs: this.nowUs(), sizeBytes: Math.max(sizeBytes, length + way.aroundBytes) };
    this.#send(peer, length, way.way, (at) => writeProbe(this.arena.view, at, probe));
  }

  /** Takes an opened probe unit of kind 0 or 1. */
  receive(peer: number, origin: Readonly<Origin>, unit: number, length: number): void {
    const { view } = this.arena;
    if (!checkProbe(view, unit, length)) return this.#drop();
    const observed = readSocketAddress(this.arena, origin.address);
    if (probeKind(view, unit) === KIND_PROBE) {
      return this.#send(peer, PROBE_BYTES, this.#wayBack(peer, origin), (at) =>
        writeAnswer(view, at, view, unit, observed),
      );
    }
    const { probeId, sentUs, sizeBytes } = readProbe(view, unit);
    const roundTripUs = this.nowUs() - sentUs;
    if (!(roundTripUs >= 0 && roundTripUs < MAX_ROUND_TRIP_US)) return this.#drop();
    const { channel } = origin;
    const how = channel === NO_CHANNEL ? {} : { relayed: true as const, channel: this.channels.numberOf(channel) };
    this.answered({ peer, probeId, sizeBytes, roundTripUs, observed: readObserved(view, unit), ...how });
  }

  /** Null for the way of the peer's path. */
  #wayBack(peer: number, { address, local, channel }: Readonly<Origin>): Way | null {
    if (channel !== NO_CHANNEL) return this.#channelWay(channel);
    return this.peers.relayedPath(peer) === undefined ? null : { address, local, envelope: null };
  }

  #channelWay(slot: number): Way | null {
    const { channels, peers } = this;
    const envelope = channels.wayBack(slot);
    const relay = channels.peerOf(slot);
    if (envelope === null || !peers.isDirect(relay)) return null;
    return { address: peers.addressAt(relay), local: peers.localAt(relay), envelope };
  }

  #onChannel(channel: number): AroundProbe | undefined {
    const { channels, peers } = this;
    const slot = channels.ownChannel(channel);
    const way = slot === NO_CHANNEL ? null : this.#channelWay(slot);
    if (way === null) return undefined;
    return { way, aroundBytes: aroundBytes(peers.hasIpv4(channels.peerOf(slot))) + ENVELOPE_BYTES };
  }

  #directly(peer: number): AroundProbe | undefined {
    const { arena, peers } = this;
    const relayed = peers.relayedPath(peer);
    if (relayed === undefined) return this.#byPath(peer);
    if (!writeSocketAddress(arena, this.#addressAt, relayed.endpoint, peers.family)) return undefined;
    const way = { address: this.#addressAt, local: 0, envelope: null };
    return { way, aroundBytes: aroundBytes(ipFamily(relayed.endpoint.ip) === 4) };
  }

  #byPath(peer: number): AroundProbe | undefined {
    const { peers } = this;
    if (!peers.isDirect(peer) && !peers.isRelayed(peer)) return undefined;
    const envelopeBytes = peers.isRelayed(peer) ? ENVELOPE_BYTES : 0;
    return { way: null, aroundBytes: aroundBytes(peers.hasIpv4(peer)) + envelopeBytes };
  }

  #drop(): void {
    this.counters.drops[DROP.malformedProbe]!++;
  }

  #send(peer: number, length: number, way: Way | null, write: (at: number) => void): void {
    if (this.sender.freeSlots === 0) this.sender.flush();
    const slot = this.sender.take(peer);
    const unit = this.sender.unitAt(slot);
    this.arena.u8.fill(0, unit, unit + length);
    write(unit);
    if (way === null) this.sender.closeWhole(slot, length, TYPE_PROBE);
    else this.sender.closeFor(slot, length, TYPE_PROBE, way);
    this.sender.flush();
  }
}

/** A way, null for that of the peer's path, and the bytes of its packets around the plaintext of a probe. */
interface AroundProbe {
  readonly way: Way | null;
  readonly aroundBytes: number;
}

function aroundBytes(ipv4: boolean): number {
  return underlayHeaderBytes(ipv4 ? 4 : 6) + DATAGRAM_HEADER_BYTES + TAG_BYTES;
}
