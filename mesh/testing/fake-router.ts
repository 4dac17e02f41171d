/**
 * Router of a simulated node: keeps sessions and paths as commands say. A unit is opened only where the receive key of its
 * session equals the send key it was sent with. Answers probes without the core, as the real router does.
 */
import type { NodeId } from '../../common/node-id.js';
import type { PeerCounters, PeerPath, RelayRoute, SessionKeys, SessionStatus } from '../../common/router-port.js';
import { formatSocketAddress, sameSocketAddress } from '../../common/address/socket-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { ENVELOPE_BYTES } from '../../common/wire/relay-envelope.js';
import type { MeshEffect, MeshEvent } from '../mesh-io.js';
import { FakeEarly } from './fake-early.js';
import { FakeKeptFrames } from './fake-kept-frames.js';
import { FakeRelays } from './fake-relays.js';
import { HeldPeer, HeldSession } from './held-peer.js';
import { isProbe, packetBytes, SMALL_PACKET_BYTES, UNDERLAY_BYTES, UNIT_BYTES } from './packet.js';
import type { Envelope, Inner, SimFrame, UnitBody, Packet } from './packet.js';

export interface FakeRouterDeps {
  at(atMs: number, run: () => void): void;
  send(to: SocketAddress, packet: Packet, sizeBytes: number): void;
  toCore(event: MeshEvent): void;
}

type Unit = Extract<Packet, { kind: 'unit' }>;

/** Way of a probe or an answer, where it is not that of the path. */
interface Way {
  readonly direct?: boolean;
  readonly channel?: number;
  readonly to?: SocketAddress;
}

const PATH: Way = {};

/** Between two events that frames want a session with one peer, as in the router. */
const WANTED_INTERVAL_MS = 1000;
/** How long a frame waits for a session, and how many wait for one peer, as in the router. */
const WAIT_FOR_SESSION_MS = 3_000;
const MAX_WAITING_FRAMES = 64;
/** Id of the router's own probes, of which the core does not hear, and their size. */
const OWN_PROBE_ID = 0xffffffff;
const OWN_PROBE_BYTES = 128;

export class FakeRouter {
  /** Sent to each peer so far. */
  frames = 1;
  readonly instance: string;
  readonly sessions = new Map<number, HeldSession>();
  /** Every peer that there was a path to, or a session with. */
  readonly #peers = new Map<NodeId, HeldPeer>();
  /** Those of them that there is a path to. */
  readonly #withPath = new Set<HeldPeer>();
  /** Frames that wait for a session with the peer. */
  readonly #waiting = new Map<NodeId, SimFrame[]>();
  /** The session in each slot, the low 16 bits of its index: small keys, which need no objects of their own in the heap. */
  readonly #slots = new Map<number, HeldSession>();
  readonly #wantedMs = new Map<NodeId, number>();
  /** Slots in which a session was installed while another was in it: a fault of the core. */
  readonly slotClashes: number[] = [];
  readonly relays: FakeRelays;
  readonly early = new FakeEarly();
  readonly #kept = new FakeKeptFrames();
  readonly #deps: FakeRouterDeps;

  constructor(instance: string, deps: FakeRouterDeps) {
    this.instance = instance;
    this.#deps = deps;
    this.relays = new FakeRelays({
      directEndpoint: (peer) => this.#directEndpoint(peer),
      send: (to, packet, sizeBytes) => deps.send(to, packet, sizeBytes),
    });
  }

  apply(effect: MeshEffect, nowMs: number): void {
    switch (effect.type) {
      case 'sendDatagram': {
        const { to, relay = null, bytes } = effect;
        return this.#transmit(relay, to, { kind: 'datagram', bytes }, bytes.length + UNDERLAY_BYTES);
      }
      case 'path':
        return this.#usePath(effect.path, nowMs);
      case 'installSession':
        return this.#install(effect.session, nowMs);
      case 'activateSession': {
        const held = this.sessions.get(effect.localIndex);
        if (held === undefined) return;
        held.peer.active = held;
        this.#sendKept(held.peer, nowMs);
        return this.#sendWaiting(held.peer);
      }
      case 'deactivateSession':
        return this.#deactivate(effect.localIndex);
      case 'expectSession':
        return this.early.announce(effect.localIndex, nowMs);
      case 'removeSession':
        this.early.take(effect.localIndex, nowMs);
        return this.#remove(effect.localIndex);
      case 'removePeer':
        this.#dropPath(effect.peer);
        return this.relays.removePeer(effect.peer);
      case 'openChannel':
        return this.relays.openChannel(effect);
      case 'closeChannel':
        return this.relays.closeChannel(effect.channel);
      case 'openRelay':
        return this.relays.openRelay(effect, nowMs);
      case 'closeRelay':
        return this.relays.closeRelay(effect.channel);
      case 'sendControl':
        return this.#sealTo(effect.peer, { kind: 'control', bytes: effect.bytes }, effect.bytes.length + UNIT_BYTES);
      case 'probe':
        return this.#sealTo(
          effect.peer,
          { kind: 'probe', id: effect.probeId, sizeBytes: effect.sizeBytes, sentMs: nowMs },
          effect.sizeBytes,
          effect,
        );
      case 'routesChanged':
      case 'advertsChanged':
      case 'notice':
      case 'askAuthority':
      case 'watchNodes':
        return;
    }
  }

  receive(from: SocketAddress, packet: Packet, nowMs: number): void {
    if (packet.kind === 'envelope') return this.#receiveEnvelope(from, packet, nowMs);
    if (packet.kind === 'datagram') return this.#deps.toCore({ type: 'datagram', from, bytes: packet.bytes });
    this.#takeUnit(from, packet, null, nowMs);
  }

  /** @param channel of the envelope that it came in, or null */
  #takeUnit(from: SocketAddress, unit: Unit, channel: number | null, nowMs: number): void {
    const held = this.#slots.get(slotOf(unit.index));
    if (held?.localIndex !== unit.index) return this.early.keep(from, unit, channel, nowMs);
    if (held.receiveKey !== unit.key) return;
    const { peer } = held;
    peer.noteReceived(nowMs);
    if (!held.confirmed) {
      held.confirmed = true;
      this.#deps.toCore({ type: 'sessionConfirmed', peer: peer.id, localIndex: held.keys.localIndex });
    }
    const isRelayed = (peer.path?.relay ?? null) !== null;
    if (isRelayed !== (channel !== null)) peer.elsewhereMs = nowMs;
    if (channel === null) this.#followRoaming(peer, from, unit.body, nowMs);
    this.#open(peer, from, unit.body, channel, nowMs);
  }

  #receiveEnvelope(from: SocketAddress, envelope: Envelope, nowMs: number): void {
    const channel = this.relays.receive(from, envelope, packetBytes(envelope.inner), nowMs);
    if (channel === null) return;
    const { inner } = envelope;
    const number = channel.channel.channel;
    if (inner.kind === 'datagram')
      return this.#deps.toCore({ type: 'datagram', from, bytes: inner.bytes, channel: number });
    this.#takeUnit(from, inner, number, nowMs);
  }

  /** Takes a frame of a pod of this node. @param isRouted whether the tables have its destination */
  sendFrame(peer: NodeId, frame: SimFrame, isRouted: boolean, nowMs: number): void {
    if (!isRouted) return refuse(frame, nowMs);
    const held = this.#peers.get(peer);
    if (held !== undefined && held.active !== null && held.path !== null) {
      this.#sendFrame(held, frame);
      return this.#keep(held, frame, nowMs);
    }
    const waiting = this.#waiting.get(peer) ?? [];
    if (waiting.length === MAX_WAITING_FRAMES) return refuse(frame, nowMs);
    this.#waiting.set(peer, [...waiting, frame]);
    this.#deps.at(nowMs + WAIT_FOR_SESSION_MS, () => {
      if (frame.state === 'waiting') refuse(frame, nowMs + WAIT_FOR_SESSION_MS);
    });
    if (this.#isWantedDue(peer, nowMs)) this.#deps.toCore({ type: 'sessionWanted', peer });
  }

  #isWantedDue(peer: NodeId, nowMs: number): boolean {
    if (nowMs - (this.#wantedMs.get(peer) ?? -Infinity) < WANTED_INTERVAL_MS) return false;
    this.#wantedMs.set(peer, nowMs);
    return true;
  }

  /** Keeps a copy of a frame that was sent while nothing is heard of the peer, and asks it. */
  #keep(peer: HeldPeer, frame: SimFrame, nowMs: number): void {
    const { id } = peer;
    if (!this.#kept.offer(id, frame, wayTo(peer)!, peer.heardThereMs, nowMs)) return;
    this.#deps.at(nowMs + WAIT_FOR_SESSION_MS, () => {
      const isUnheard = this.#kept.expire(id, frame, peer.heardThereMs);
      if (isUnheard && frame.state === 'onWay') refuse(frame, nowMs + WAIT_FOR_SESSION_MS);
    });
    if (!this.#isWantedDue(id, nowMs)) return;
    this.#probe(peer, nowMs);
    this.#deps.toCore({ type: 'sessionWanted', peer: id });
  }

  /** Path or session may be others. */
  #sendKept(peer: HeldPeer, nowMs: number): void {
    const way = wayTo(peer);
    if (way === null) return;
    const frames = this.#kept.moved(peer.id, way, peer.heardThereMs);
    for (const frame of frames) this.#seal(peer, { kind: 'frame', frame }, frame.sizeBytes);
    if (frames.length > 0) this.#probe(peer, nowMs);
  }

  #probe(peer: HeldPeer, nowMs: number): void {
    const probe = { kind: 'probe', id: OWN_PROBE_ID, sizeBytes: OWN_PROBE_BYTES, sentMs: nowMs } as const;
    this.#seal(peer, probe, OWN_PROBE_BYTES);
  }

  #sendFrame(peer: HeldPeer, frame: SimFrame): void {
    frame.state = 'onWay';
    peer.sentFrames++;
    this.#seal(peer, { kind: 'frame', frame }, frame.sizeBytes);
  }

  #sendWaiting(peer: HeldPeer): void {
    const waiting = this.#waiting.get(peer.id) ?? [];
    this.#waiting.delete(peer.id);
    for (const frame of waiting) if (frame.state === 'waiting') this.#sendFrame(peer, frame);
  }

  #sealTo(id: NodeId, body: UnitBody, sizeBytes: number, way?: Way): void {
    const peer = this.#peers.get(id);
    if (peer !== undefined) this.#seal(peer, body, sizeBytes, way);
  }

  /** Sends a unit in the active session of `peer`; without a session or a path it is dropped. */
  #seal({ active, path }: HeldPeer, body: UnitBody, sizeBytes: number, way: Way = PATH): void {
    if (active === null || path === null) return;
    active.unitsSent++;
    const packet = { kind: 'unit', index: active.remoteIndex, key: active.sendKey, body } as const;
    this.#transmit(this.#routeOf(path, way), way.to ?? path.endpoint, packet, sizeBytes);
  }

  /** @param way what a probe or an answer says about it */
  #routeOf({ relay = null }: PeerPath, way: Way): RelayRoute | null {
    if (way.channel !== undefined) return this.relays.wayOf(way.channel) ?? relay;
    return way.direct === true || way.to !== undefined ? null : relay;
  }

  #transmit(relay: RelayRoute | null, to: SocketAddress, packet: Inner, sizeBytes: number): void {
    if (relay === null) this.#deps.send(to, packet, sizeBytes);
    else this.relays.send(relay, packet, isProbe(packet) ? sizeBytes - ENVELOPE_BYTES : sizeBytes);
  }

  #directEndpoint(peer: NodeId): SocketAddress | null {
    const path = this.#peers.get(peer)?.path ?? null;
    return path === null || path.relay ? null : path.endpoint;
  }

  /** Whether there is a session that seals what is sent to the peer. */
  isActive(peer: NodeId): boolean {
    return this.activeWith(peer) !== null;
  }

  activeWith(peer: NodeId): HeldSession | null {
    return this.#peers.get(peer)?.active ?? null;
  }

  /** Index of the active session, by peer. */
  get active(): ReadonlyMap<NodeId, number> {
    const peers = [...this.#peers.values()];
    return new Map(peers.flatMap(({ id, active }) => (active === null ? [] : [[id, active.keys.localIndex]])));
  }

  get paths(): ReadonlyMap<NodeId, PeerPath> {
    return new Map(Array.from(this.#withPath, ({ id, path }) => [id, path!]));
  }

  /** When something of the peer was last opened, and since when it is heard; -Infinity before. */
  heard(peer: NodeId): Pick<HeldPeer, 'lastReceivedMs' | 'heardSinceMs'> {
    return this.#peerOf(peer);
  }

  /** The paths, as a hello reports them. */
  pathStatus(nowMs: number): PeerPath[] {
    return Array.from(this.#withPath, ({ path, upSinceMs }) => ({
      ...path!,
      upForMs: upSinceMs === null ? null : nowMs - upSinceMs,
    }));
  }

  sessionStatus(nowMs: number): SessionStatus[] {
    return Array.from(this.sessions.values(), (held) => this.#statusOf(held, nowMs));
  }

  /** Of the sessions that have sent something since the last report. */
  usedSessions(nowMs: number): SessionStatus[] {
    const used: SessionStatus[] = [];
    for (const held of this.sessions.values()) {
      if (held.unitsReported === held.unitsSent) continue;
      held.unitsReported = held.unitsSent;
      used.push(this.#statusOf(held, nowMs));
    }
    return used;
  }

  #statusOf(held: HeldSession, nowMs: number): SessionStatus {
    const { keys, unitsSent, installedMs } = held;
    const { peer, localIndex, cipher } = keys;
    return { peer, localIndex, active: held.isActive, unitsSent, ageMs: nowMs - installedMs, cipher };
  }

  /** Of the peers whose counters are others than in the last report, or of all after {@link reportAll}. */
  counters(nowMs: number): PeerCounters[] {
    for (const channel of this.relays.idle(nowMs)) this.#deps.toCore({ type: 'relayIdle', channel });
    const others = { tx: this.frames, rx: 2 };
    const changed: PeerCounters[] = [];
    for (const peer of this.#withPath) {
      const counters = peer.report(others, nowMs);
      if (counters !== null) changed.push(counters);
    }
    return changed;
  }

  /** A core has connected, which knows of no report. */
  reportAll(): void {
    for (const peer of this.#peers.values()) peer.forgetReport();
    for (const held of this.sessions.values()) held.unitsReported = -1;
  }

  /** @param channel of the envelope that it came in, or null */
  #open(peer: HeldPeer, from: SocketAddress, body: UnitBody, channel: number | null, nowMs: number): void {
    switch (body.kind) {
      case 'control':
        return this.#deps.toCore({ type: 'control', peer: peer.id, bytes: body.bytes });
      case 'frame':
        peer.receivedFrames++;
        // A copy may have come before.
        if (body.frame.state !== 'arrived') body.frame.endedMs = nowMs;
        body.frame.state = 'arrived';
        return;
      case 'probe': {
        const { id, sizeBytes, sentMs } = body;
        const way = channel === null ? { to: from } : { channel };
        return this.#seal(peer, { kind: 'answer', id, sizeBytes, sentMs, observed: from }, SMALL_PACKET_BYTES, way);
      }
      case 'answer': {
        const { id: probeId, sizeBytes, sentMs, observed } = body;
        if (probeId === OWN_PROBE_ID) return this.#kept.answered(peer.id);
        const roundTripUs = (nowMs - sentMs) * 1000;
        const answer = { type: 'probeAnswer', peer: peer.id, probeId, sizeBytes, roundTripUs, observed } as const;
        return this.#deps.toCore(channel === null ? answer : { ...answer, relayed: true, channel });
      }
    }
  }

  #followRoaming(peer: HeldPeer, from: SocketAddress, { kind }: UnitBody, nowMs: number): void {
    const { id, path } = peer;
    if (path === null) return;
    if (path.relay) {
      if (kind === 'control' || kind === 'frame') this.#deps.toCore({ type: 'heardDirectly', peer: id, from });
      return;
    }
    if (sameSocketAddress(path.endpoint, from)) return;
    peer.path = { ...path, endpoint: from };
    this.#deps.toCore({ type: 'roamed', peer: id, endpoint: from });
    this.#sendKept(peer, nowMs);
  }

  #peerOf(id: NodeId): HeldPeer {
    const known = this.#peers.get(id);
    if (known !== undefined) return known;
    const peer = new HeldPeer(id);
    this.#peers.set(id, peer);
    return peer;
  }

  #usePath(path: PeerPath, nowMs: number): void {
    const { upForMs = null } = path;
    const peer = this.#peerOf(path.peer);
    peer.path = path;
    peer.upSinceMs = upForMs === null ? null : nowMs - upForMs;
    this.#withPath.add(peer);
    this.#sendKept(peer, nowMs);
  }

  #dropPath(id: NodeId): void {
    const peer = this.#peers.get(id);
    if (peer === undefined) return;
    peer.path = null;
    this.#withPath.delete(peer);
  }

  #install(keys: SessionKeys, nowMs: number): void {
    const slot = slotOf(keys.localIndex);
    const before = this.#slots.get(slot);
    if (before !== undefined && before.keys.localIndex !== keys.localIndex) this.slotClashes.push(slot);
    const peer = this.#peerOf(keys.peer);
    const held = new HeldSession(keys, peer, nowMs);
    if (peer.active?.keys.localIndex === keys.localIndex) peer.active = held;
    this.sessions.set(keys.localIndex, held);
    this.#slots.set(slot, held);
    for (const { from, unit, channel } of this.early.take(keys.localIndex, nowMs))
      this.#takeUnit(from, unit, channel, nowMs);
  }

  #deactivate(localIndex: number): void {
    const held = this.sessions.get(localIndex);
    if (held?.isActive === true) held.peer.active = null;
  }

  #remove(localIndex: number): void {
    this.#deactivate(localIndex);
    const slot = slotOf(localIndex);
    if (this.sessions.delete(localIndex) && this.#slots.get(slot)?.keys.localIndex === localIndex)
      this.#slots.delete(slot);
  }
}

function slotOf(localIndex: number): number {
  return localIndex & 0xffff;
}

/** Where frames to the peer go, in which session; null while they do not. */
function wayTo({ path, active }: HeldPeer): string | null {
  if (path === null || active === null) return null;
  const { endpoint, relay = null } = path;
  const to = relay === null ? formatSocketAddress(endpoint) : `${relay.peer} ${relay.channel.channel}`;
  return `${to} ${active.keys.localIndex}`;
}

function refuse(frame: SimFrame, nowMs: number): void {
  frame.state = 'refused';
  frame.endedMs = nowMs;
}
