/**
 * Path to one peer: the address of the peer, the path MTU towards it, liveness probes, and the round trip they measure.
 * Not here: what silence means for the link (`link.ts`).
 */
import type { IpAddress } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import { sameSocketAddress } from '../../common/address/socket-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import type { RelayRoute } from '../../common/router-port.js';
import { BASE_MTU_BYTES, LIVENESS_PROBE_BYTES, PROBE_INTERVAL_MS, RTT_PROBE_INTERVAL_MS } from '../limits.js';
import type { MeshEffect, RandomSource, UnderlayFacts } from '../mesh-io.js';
import type { Origin } from '../origin.js';
import { isChannelAddress } from './channel-address.js';
import { mtuPollAt, stepMtu, unknownPathMtu } from './path-mtu.js';
import type { MtuEvent, PathMtu } from './path-mtu.js';
import { RoundTrip } from './round-trip.js';

export interface PeerPathDeps {
  readonly random: RandomSource;
  readonly underlay: UnderlayFacts;
  emit(effect: MeshEffect): void;
  nextProbeId(): number;
  /** This node did something so late. */
  noteLag(lagMs: number, nowMs: number): void;
  /** The way that stands behind this address, if it is one of our channels with this peer; else null. */
  routeAt(address: SocketAddress, peer: NodeId): RelayRoute | null;
}

export class PeerPath {
  readonly #deps: PeerPathDeps;
  readonly #peer: NodeId;
  #endpoint: SocketAddress | null = null;
  /** The first of its advert. */
  #advertised: SocketAddress | null = null;
  /** The way through a relay that is used in place of the endpoint. */
  #route: RelayRoute | null = null;
  /** Where the peer behind the relay was last heard without it. */
  #heardAt: Origin | null = null;
  /** Where the peer last saw this node. */
  #seenAt: SocketAddress | null = null;
  #mtu: PathMtu;
  /** When the link came up, null while it is not. */
  #upSinceMs: number | null = null;
  #lastHeardMs: number;
  #lastProbeMs: number;
  #probeWaitMs = PROBE_INTERVAL_MS;
  readonly #roundTrip = new RoundTrip();

  constructor(deps: PeerPathDeps, peer: NodeId, nowMs: number) {
    this.#deps = deps;
    this.#peer = peer;
    this.#mtu = unknownPathMtu(deps.underlay.mtuBytes);
    this.#lastHeardMs = nowMs;
    this.#lastProbeMs = nowMs;
  }

  get endpoint(): SocketAddress | null {
    return this.#endpoint;
  }

  /** The relay that the path goes through, null for a direct one. */
  get relay(): NodeId | null {
    return this.#route?.peer ?? null;
  }

  get mtuBytes(): number {
    return this.#mtu.mtuBytes;
  }

  /** Whether an answer to a probe decides what is sent next. */
  get isSearching(): boolean {
    return this.#mtu.phase.name === 'search';
  }

  /** Of small datagrams: the median of the last probes. */
  get rttMs(): number | null {
    return this.#roundTrip.medianMs;
  }

  /** What the router knew of the path before this process started. */
  restore(endpoint: SocketAddress, mtuBytes: number, route: RelayRoute | null): void {
    this.#endpoint = endpoint;
    this.#route = route;
    this.#mtu = unknownPathMtu(this.#deps.underlay.mtuBytes, mtuBytes);
  }

  /** An address to try while none is known. */
  suggestEndpoint(endpoint: SocketAddress): void {
    if (!isChannelAddress(endpoint)) this.#endpoint ??= endpoint;
  }

  /**
   * Where the peer says that it is. Behind a relay nothing that arrives shows that it has moved: direct probes go to another address
   * that it says, and to this one while it was never met without a relay.
   */
  noteAdvertised(endpoint: SocketAddress | null, nowMs: number): void {
    const before = this.#advertised;
    this.#advertised = endpoint;
    if (this.#route === null || endpoint === null || before === null || sameSocketAddress(before, endpoint)) return;
    this.#endpoint = endpoint;
    this.emit(nowMs);
  }

  /** The peer was heard without the relay that the path goes through. */
  heardDirectly(origin: Origin): void {
    if (this.#route !== null) this.#heardAt = origin;
  }

  /** The peer sends directly: so does this node, to where it was heard. */
  followDirectly(nowMs: number): void {
    const heardAt = this.#route === null ? null : this.#heardAt;
    if (heardAt !== null) this.#endpoint = heardAt.from;
    this.useRelay(null, nowMs, heardAt?.local);
  }

  /** The peer ended a handshake from there: the path goes that way, with both directions. */
  establishedAt({ from, local }: Origin, nowMs: number): void {
    if (!isChannelAddress(from)) {
      this.useRelay(null, nowMs);
      return this.moveTo(from, nowMs, local);
    }
    // A relay can pass on what is not of the peer that its channel is for.
    const route = this.#deps.routeAt(from, this.#peer);
    if (route !== null) this.useRelay(route, nowMs);
  }

  /**
   * From now on the path goes through the relay, or directly with null: another path, whose MTU is searched anew.
   * @param local see {@link moveTo}
   */
  useRelay(route: RelayRoute | null, nowMs: number, local: IpAddress | null = null): void {
    if (isSameRoute(this.#route, route)) return;
    // Without an address the router would go on sending to the relay.
    if (route === null) this.#endpoint ??= this.#heardAt?.from ?? this.#advertised;
    this.#route = route;
    this.#heardAt = null;
    this.#roundTrip.clear();
    if (this.#mtu.phase.name !== 'idle') this.#mtu = stepMtu(this.#mtu, { type: 'start' }, nowMs).mtu;
    this.emit(nowMs, local);
  }

  /**
   * A new address is a new path: its MTU is searched anew.
   * @param local address of this node that the peer called, if the router is to be told
   */
  moveTo(endpoint: SocketAddress, nowMs: number, local: IpAddress | null = null): void {
    const isSame = this.#endpoint !== null && sameSocketAddress(this.#endpoint, endpoint);
    if (isSame && local === null) return;
    this.#endpoint = endpoint;
    if (!isSame && this.#mtu.phase.name !== 'idle') this.#mtu = stepMtu(this.#mtu, { type: 'start' }, nowMs).mtu;
    this.emit(nowMs, local);
  }

  /** Whether the peer saw this node at this address when it last said so. */
  isSeenAt(address: SocketAddress): boolean {
    return this.#seenAt !== null && sameSocketAddress(this.#seenAt, address);
  }

  /** The peer sees this node at an address. True when it is another than before. */
  seenAt(address: SocketAddress): boolean {
    const isOther = this.#seenAt !== null && !this.isSeenAt(address);
    this.#seenAt = address;
    return isOther;
  }

  /** Sends the path to the router. @param local see {@link moveTo} */
  emit(nowMs: number, local: IpAddress | null = null): void {
    const endpoint = this.#endpoint ?? (this.#route === null ? null : this.#advertised);
    if (endpoint === null) return;
    const upForMs = this.#upSinceMs === null ? null : Math.max(0, nowMs - this.#upSinceMs);
    const path = { peer: this.#peer, endpoint, mtuBytes: this.mtuBytes, upForMs, relay: this.#route, local };
    this.#deps.emit({ type: 'path', path });
  }

  /** Something authentic arrived at `atMs`. */
  heard(atMs: number, nowMs: number): void {
    this.#lastHeardMs = Math.max(this.#lastHeardMs, Math.min(atMs, nowMs));
  }

  /** A large probe takes longer on a slow path: its round trip counts only while there is no other. */
  measured(sizeBytes: number, roundTripMs: number, nowMs: number): void {
    // The answer to an earlier probe shows less than the lag.
    if (sizeBytes === LIVENESS_PROBE_BYTES) this.#deps.noteLag(nowMs - this.#lastProbeMs - roundTripMs, nowMs);
    if (sizeBytes <= LIVENESS_PROBE_BYTES || this.rttMs === null) this.#roundTrip.add(roundTripMs);
  }

  /** The link came up at `sinceMs`: search the MTU, unless the link was only stale and the MTU is known. */
  linkUp(wasStale: boolean, sinceMs: number, nowMs: number): void {
    this.#upSinceMs = sinceMs;
    this.emit(nowMs);
    if (!wasStale || this.#mtu.phase.name === 'idle') this.stepMtu({ type: 'start' }, nowMs);
  }

  linkStale(nowMs: number): void {
    this.#upSinceMs = null;
    this.emit(nowMs);
    this.stepMtu({ type: 'doubt' }, nowMs);
  }

  linkDown(nowMs: number): void {
    this.#upSinceMs = null;
    this.#route = null;
    this.#roundTrip.clear();
    this.stepMtu({ type: 'stop' }, nowMs);
  }

  /** This process stood still: the peer was not silent for `gapMs` of the time. */
  excusePause(gapMs: number, nowMs: number): void {
    this.#lastHeardMs = Math.min(nowMs, this.#lastHeardMs + gapMs);
    this.stepMtu({ type: 'paused', gapMs }, nowMs);
  }

  stepMtu(event: MtuEvent, nowMs: number): void {
    const before = this.#mtu.mtuBytes;
    const { mtu, probeBytes } = stepMtu(this.#mtu, event, nowMs);
    this.#mtu = mtu;
    if (mtu.mtuBytes !== before) this.emit(nowMs);
    if (probeBytes !== null) this.#probe(probeBytes);
  }

  /** A probe of this size was answered: one below the least MTU says nothing of the path MTU. */
  sizeAnswered(sizeBytes: number, nowMs: number): void {
    if (sizeBytes >= BASE_MTU_BYTES) this.stepMtu({ type: 'answer', sizeBytes }, nowMs);
  }

  /** The MTU of the underlay changed. */
  useUnderlayMtu(nowMs: number): void {
    this.stepMtu({ type: 'cap', capBytes: this.#deps.underlay.mtuBytes }, nowMs);
  }

  /** Sends the probes that are due on a link that carries them. */
  advance(isStale: boolean, nowMs: number): void {
    if (nowMs >= this.#probeDueMs()) this.probeNow(isStale, nowMs);
    if (nowMs < (mtuPollAt(this.#mtu) ?? Infinity)) return;
    this.stepMtu({ type: 'tick', lastHeardMs: this.#lastHeardMs, roundTripMs: this.rttMs }, nowMs);
  }

  pollAt(): number {
    return Math.min(this.#probeDueMs(), mtuPollAt(this.#mtu) ?? Infinity);
  }

  /** Sends a liveness probe; the next one is due sooner on a stale link. */
  probeNow(isStale: boolean, nowMs: number): void {
    this.#lastProbeMs = nowMs;
    this.#probe(LIVENESS_PROBE_BYTES);
    const intervalMs = isStale ? PROBE_INTERVAL_MS / 2 : PROBE_INTERVAL_MS;
    this.#probeWaitMs = intervalMs * (0.9 + this.#deps.random.fraction() / 5);
  }

  #probe(sizeBytes: number): void {
    this.#deps.emit({ type: 'probe', peer: this.#peer, probeId: this.#deps.nextProbeId(), sizeBytes });
  }

  #probeDueMs(): number {
    const silentMs = Math.max(this.#lastHeardMs, this.#lastProbeMs) + this.#probeWaitMs;
    return Math.min(silentMs, this.#lastProbeMs + RTT_PROBE_INTERVAL_MS);
  }
}

function isSameRoute(a: RelayRoute | null, b: RelayRoute | null): boolean {
  if (a === null || b === null) return a === b;
  const isSameToken = Buffer.compare(a.channel.token, b.channel.token) === 0;
  return a.peer === b.peer && a.channel.channel === b.channel.channel && isSameToken;
}
