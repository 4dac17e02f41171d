/**
 * Router of a simulated node: keeps sessions and paths as commands say. A unit is opened only where the receive key of its
 * session equals the send key it was sent with. Answers probes without the core, as the real router does.
 */
import type { NodeId } from '../../common/node-id.js';
import type { PeerCounters, PeerPath, RelayRoute, SessionKeys, SessionStatus } from '../../common/router-port.js';
import { formatSocketAddress, sameSocketAddress } from '../../common/address/socket-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { ENVELOPE_BYTES } from '../../common/wire/relay-envelope.js';
import { STALE_AFTER_MS } from '../limits.js';
import type { MeshEffect, MeshEvent } from '../mesh-io.js';
import { FakeEarly } from './fake-early.js';
import { FakeKeptFrames } from './fake-kept-frames.js';
import { FakeRelays } from './fake-relays.js';
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

interface Held {
  readonly keys: SessionKeys;
  readonly sendKey: string;
  readonly receiveKey: string;
  readonly installedMs: number;
  confirmed: boolean;
  unitsSent: number;
  /** Of them, those in the last report. */
  unitsReported: number;
}

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
  readonly sessions = new Map<number, Held>();
  readonly active = new Map<NodeId, number>();
  readonly paths = new Map<NodeId, PeerPath>();
  /** When the links came up, as commands said. */
  readonly #upSinceMs = new Map<NodeId, number | null>();
  readonly lastReceivedMs = new Map<NodeId, number>();
  /** When the peer was first heard after the last silence of STALE_AFTER_MS. */
  readonly heardSinceMs = new Map<NodeId, number>();
  /** Frames that wait for a session with the peer. */
  readonly #waiting = new Map<NodeId, SimFrame[]>();
  /** The session in each slot, the low 16 bits of its index. */
  readonly #slots = new Map<number, number>();
  readonly #wantedMs = new Map<NodeId, number>();
  readonly #sentFrames = new Map<NodeId, number>();
  /** What the last report said of each peer. */
  readonly #reported = new Map<NodeId, { lastMs: number | null; txFrames: number; rxFrames: number }>();
  readonly #receivedFrames = new Map<NodeId, number>();
  /** Slots in which a session was installed while another was in it: a fault of the core. */
  readonly slotClashes: number[] = [];
  readonly relays: FakeRelays;
  readonly early = new FakeEarly();
  readonly #kept = new FakeKeptFrames();
  /** When the peer was last heard another way than frames to it take. */
  readonly #elsewhereMs = new Map<NodeId, number>();
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
        this.paths.set(effect.path.peer, effect.path);
        this.#noteUp(effect.path, nowMs);
        return this.#sendKept(effect.path.peer, nowMs);
      case 'installSession':
        return this.#install(effect.session, nowMs);
      case 'activateSession': {
        const held = this.sessions.get(effect.localIndex);
        if (held === undefined) return;
        this.active.set(held.keys.peer, effect.localIndex);
        this.#sendKept(held.keys.peer, nowMs);
        return this.#sendWaiting(held.keys.peer);
      }
      case 'deactivateSession':
        return this.#deactivate(effect.localIndex);
      case 'expectSession':
        return this.early.announce(effect.localIndex, nowMs);
      case 'removeSession':
        this.early.take(effect.localIndex, nowMs);
        return this.#remove(effect.localIndex);
      case 'removePeer':
        this.paths.delete(effect.peer);
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
        return this.seal(effect.peer, { kind: 'control', bytes: effect.bytes }, effect.bytes.length + UNIT_BYTES);
      case 'probe':
        return this.seal(
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
    if (!this.sessions.has(unit.index)) return this.early.keep(from, unit, channel, nowMs);
    const peer = this.#receiveUnit(unit, nowMs);
    if (peer === null) return;
    const isRelayed = (this.paths.get(peer)?.relay ?? null) !== null;
    if (isRelayed !== (channel !== null)) this.#elsewhereMs.set(peer, nowMs);
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

  /** The peer that sealed it, or null when it is not opened. */
  #receiveUnit(packet: Unit, nowMs: number): NodeId | null {
    const held = this.sessions.get(packet.index);
    if (held === undefined || held.receiveKey !== packet.key) return null;
    const { peer } = held.keys;
    if (nowMs - (this.lastReceivedMs.get(peer) ?? -Infinity) > STALE_AFTER_MS) this.heardSinceMs.set(peer, nowMs);
    this.lastReceivedMs.set(peer, nowMs);
    if (!held.confirmed) {
      held.confirmed = true;
      this.#deps.toCore({ type: 'sessionConfirmed', peer, localIndex: packet.index });
    }
    return peer;
  }

  /** Takes a frame of a pod of this node. @param isRouted whether the tables have its destination */
  sendFrame(peer: NodeId, frame: SimFrame, isRouted: boolean, nowMs: number): void {
    if (!isRouted) return refuse(frame, nowMs);
    if (this.active.has(peer) && this.paths.has(peer)) {
      this.#sendFrame(peer, frame);
      return this.#keep(peer, frame, nowMs);
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
  #keep(peer: NodeId, frame: SimFrame, nowMs: number): void {
    if (!this.#kept.offer(peer, frame, this.#wayTo(peer), this.#heardMs(peer), nowMs)) return;
    this.#deps.at(nowMs + WAIT_FOR_SESSION_MS, () => {
      const isUnheard = this.#kept.expire(peer, frame, this.#heardMs(peer));
      if (isUnheard && frame.state === 'onWay') refuse(frame, nowMs + WAIT_FOR_SESSION_MS);
    });
    if (!this.#isWantedDue(peer, nowMs)) return;
    this.#probe(peer, nowMs);
    this.#deps.toCore({ type: 'sessionWanted', peer });
  }

  /** Path or session may be others. */
  #sendKept(peer: NodeId, nowMs: number): void {
    if (!this.active.has(peer) || !this.paths.has(peer)) return;
    const frames = this.#kept.moved(peer, this.#wayTo(peer), this.#heardMs(peer));
    for (const frame of frames) this.seal(peer, { kind: 'frame', frame }, frame.sizeBytes);
    if (frames.length > 0) this.#probe(peer, nowMs);
  }

  #probe(peer: NodeId, nowMs: number): void {
    const probe = { kind: 'probe', id: OWN_PROBE_ID, sizeBytes: OWN_PROBE_BYTES, sentMs: nowMs } as const;
    this.seal(peer, probe, OWN_PROBE_BYTES);
  }

  #heardMs(peer: NodeId): number {
    const heardMs = this.lastReceivedMs.get(peer);
    return heardMs === undefined || heardMs === this.#elsewhereMs.get(peer) ? -Infinity : heardMs;
  }

  /** Where frames to the peer go, in which session. */
  #wayTo(peer: NodeId): string {
    const { endpoint, relay = null } = this.paths.get(peer)!;
    const to = relay === null ? formatSocketAddress(endpoint) : `${relay.peer} ${relay.channel.channel}`;
    return `${to} ${this.active.get(peer)}`;
  }

  #sendFrame(peer: NodeId, frame: SimFrame): void {
    frame.state = 'onWay';
    this.#sentFrames.set(peer, (this.#sentFrames.get(peer) ?? 0) + 1);
    this.seal(peer, { kind: 'frame', frame }, frame.sizeBytes);
  }

  #sendWaiting(peer: NodeId): void {
    const waiting = this.#waiting.get(peer) ?? [];
    this.#waiting.delete(peer);
    for (const frame of waiting) if (frame.state === 'waiting') this.#sendFrame(peer, frame);
  }

  /** Sends a unit in the active session of `peer`; without a session or a path it is dropped. */
  seal(peer: NodeId, body: UnitBody, sizeBytes: number, way: Way = {}): void {
    const held = this.sessions.get(this.active.get(peer) ?? -1);
    const path = this.paths.get(peer);
    if (held === undefined || path === undefined) return;
    held.unitsSent++;
    const packet = { kind: 'unit', index: held.keys.remoteIndex, key: held.sendKey, body } as const;
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
    const path = this.paths.get(peer);
    return path === undefined || path.relay ? null : path.endpoint;
  }

  /** The paths, as a hello reports them. */
  pathStatus(nowMs: number): PeerPath[] {
    return Array.from(this.paths.values(), (path) => {
      const sinceMs = this.#upSinceMs.get(path.peer) ?? null;
      return { ...path, upForMs: sinceMs === null ? null : nowMs - sinceMs };
    });
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

  #statusOf({ keys, unitsSent, installedMs }: Held, nowMs: number): SessionStatus {
    const active = this.active.get(keys.peer) === keys.localIndex;
    const { peer, localIndex, cipher } = keys;
    return { peer, localIndex, active, unitsSent, ageMs: nowMs - installedMs, cipher };
  }

  /** Of the peers whose counters are others than in the last report, or of all after {@link reportAll}. */
  counters(nowMs: number): PeerCounters[] {
    for (const channel of this.relays.idle(nowMs)) this.#deps.toCore({ type: 'relayIdle', channel });
    const changed: PeerCounters[] = [];
    for (const peer of this.paths.keys()) {
      const lastMs = this.lastReceivedMs.get(peer) ?? null;
      const txFrames = this.frames + (this.#sentFrames.get(peer) ?? 0);
      const rxFrames = 2 + (this.#receivedFrames.get(peer) ?? 0);
      const before = this.#reported.get(peer);
      if (before?.lastMs === lastMs && before.txFrames === txFrames && before.rxFrames === rxFrames) continue;
      this.#reported.set(peer, { lastMs, txFrames, rxFrames });
      const lastReceivedMsAgo = lastMs === null ? null : nowMs - lastMs;
      changed.push({ peer, txBytes: 1000, txFrames, rxBytes: 2000, rxFrames, lastReceivedMsAgo, lossRatio: 0 });
    }
    return changed;
  }

  /** A core has connected, which knows of no report. */
  reportAll(): void {
    this.#reported.clear();
    for (const held of this.sessions.values()) held.unitsReported = -1;
  }

  /** @param channel of the envelope that it came in, or null */
  #open(peer: NodeId, from: SocketAddress, body: UnitBody, channel: number | null, nowMs: number): void {
    if (body.kind === 'control') return this.#deps.toCore({ type: 'control', peer, bytes: body.bytes });
    if (body.kind === 'frame') {
      this.#receivedFrames.set(peer, (this.#receivedFrames.get(peer) ?? 0) + 1);
      // A copy may have come before.
      if (body.frame.state !== 'arrived') body.frame.endedMs = nowMs;
      body.frame.state = 'arrived';
      return;
    }
    const { id, sizeBytes, sentMs } = body;
    if (body.kind === 'probe') {
      const way = channel === null ? { to: from } : { channel };
      return this.seal(peer, { kind: 'answer', id, sizeBytes, sentMs, observed: from }, SMALL_PACKET_BYTES, way);
    }
    if (id === OWN_PROBE_ID) return this.#kept.answered(peer);
    const roundTripUs = (nowMs - sentMs) * 1000;
    const came = channel === null ? {} : { relayed: true, channel };
    const { observed } = body;
    this.#deps.toCore({ type: 'probeAnswer', peer, probeId: id, sizeBytes, roundTripUs, observed, ...came });
  }

  #followRoaming(peer: NodeId, from: SocketAddress, { kind }: UnitBody, nowMs: number): void {
    const path = this.paths.get(peer);
    if (path === undefined) return;
    if (path.relay) {
      if (kind === 'control' || kind === 'frame') this.#deps.toCore({ type: 'heardDirectly', peer, from });
      return;
    }
    if (sameSocketAddress(path.endpoint, from)) return;
    this.paths.set(peer, { ...path, endpoint: from });
    this.#deps.toCore({ type: 'roamed', peer, endpoint: from });
    this.#sendKept(peer, nowMs);
  }

  #noteUp({ peer, upForMs = null }: PeerPath, nowMs: number): void {
    this.#upSinceMs.set(peer, upForMs === null ? null : nowMs - upForMs);
  }

  #install(keys: SessionKeys, nowMs: number): void {
    const slot = keys.localIndex & 0xffff;
    const before = this.#slots.get(slot);
    if (before !== undefined && before !== keys.localIndex) this.slotClashes.push(slot);
    this.#slots.set(slot, keys.localIndex);
    const [sendKey, receiveKey] = [hex(keys.sendKey), hex(keys.receiveKey)];
    const held = { keys, sendKey, receiveKey, confirmed: false, unitsSent: 0, unitsReported: 0, installedMs: nowMs };
    this.sessions.set(keys.localIndex, held);
    for (const { from, unit, channel } of this.early.take(keys.localIndex, nowMs))
      this.#takeUnit(from, unit, channel, nowMs);
  }

  #deactivate(localIndex: number): void {
    const peer = this.sessions.get(localIndex)?.keys.peer;
    if (peer !== undefined && this.active.get(peer) === localIndex) this.active.delete(peer);
  }

  #remove(localIndex: number): void {
    const held = this.sessions.get(localIndex);
    if (held === undefined) return;
    this.sessions.delete(localIndex);
    this.#slots.delete(localIndex & 0xffff);
    if (this.active.get(held.keys.peer) === localIndex) this.active.delete(held.keys.peer);
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function refuse(frame: SimFrame, nowMs: number): void {
  frame.state = 'refused';
  frame.endedMs = nowMs;
}
