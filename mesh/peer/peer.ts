/**
 * One other node as seen from here: its advert, its link, its sessions, its path, and the attempts to reach it. What
 * happens to several peers at once (gossip, ownership, seeds) is not here.
 *
 * When both sides initiate at once, the handshake of the node with the lower id wins: its initiator keeps that session
 * active and retires the other one, its responder switches to it.
 */
import type { NodeId } from '../../common/node-id.js';
import type { PeerCounters, SessionKeys, SessionStatus } from '../../common/router-port.js';
import { sameSocketAddress } from '../../common/address/socket-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import type { Advert } from '../wire/advert.js';
import { Confirmation } from './confirmation.js';
import { Dial, dialable } from './dial.js';
import type { Handshakes } from '../handshake/handshakes.js';
import {
  LIVENESS_PROBE_BYTES,
  LONG_DEAD_AFTER_MS,
  MAX_DEAD_DIAL_RETRY_MS,
  MAX_DIAL_RETRY_MS,
  PROBE_INTERVAL_MS,
  RTT_PROBE_INTERVAL_MS,
} from '../limits.js';
import { isUsable, linkPollAt, step } from './link.js';
import type { Link, LinkEvent } from './link.js';
import type { MeshEffect, RandomSource, UnderlayFacts } from '../mesh-io.js';
import { mtuPollAt, stepMtu, unknownPathMtu } from './path-mtu.js';
import type { MtuEvent, PathMtu } from './path-mtu.js';
import { PeerSessions } from './peer-sessions.js';
import { RoundTrip } from './round-trip.js';
import type { SessionSlots } from '../handshake/session-slots.js';

/** What a peer uses of the mesh core. */
export interface PeerDeps {
  readonly ownId: NodeId;
  readonly random: RandomSource;
  readonly handshakes: Handshakes;
  readonly slots: SessionSlots;
  readonly underlay: UnderlayFacts;
  emit(effect: MeshEffect): void;
  nextProbeId(): number;
  /** The link went from one state to another. */
  linkChanged(peer: Peer, before: Link, nowMs: number): void;
}

export class Peer {
  readonly id: NodeId;
  readonly sessions: PeerSessions;
  readonly dial: Dial;
  advert: Advert | null = null;
  endpoint: SocketAddress | null = null;
  lastHandshakeMs: number | null = null;
  /** When the newest advert came. */
  advertAtMs: number;
  /** As the router last counted. */
  counters: PeerCounters | null = null;
  #link: Link;
  #mtu: PathMtu;
  #confirmation: Confirmation | null = null;
  #lastHeardMs: number;
  #lastProbeMs: number;
  #probeWaitMs = PROBE_INTERVAL_MS;
  readonly #roundTrip = new RoundTrip();
  readonly #deps: PeerDeps;

  constructor(deps: PeerDeps, id: NodeId, link: Link, nowMs: number) {
    this.#deps = deps;
    this.id = id;
    this.sessions = new PeerSessions(deps.slots, (effect) => deps.emit(effect));
    this.dial = new Dial(nowMs);
    this.#link = link;
    this.#mtu = unknownPathMtu(deps.underlay.mtuBytes);
    this.#lastHeardMs = nowMs;
    this.#lastProbeMs = nowMs;
    this.advertAtMs = nowMs;
  }

  get link(): Link {
    return this.#link;
  }

  get mtuBytes(): number {
    return this.#mtu.mtuBytes;
  }

  /** Of small datagrams, as the last answers to probes had it. */
  get rttMs(): number | null {
    return this.#roundTrip.medianMs;
  }

  /** Whether control messages get through: there is a session and the peer is not given up. */
  get isLinked(): boolean {
    return this.sessions.active !== null && isUsable(this.#link);
  }

  /** The peer responded to our initiation: installs the session and sends the confirmation, repeatedly if need be. */
  installAsInitiator(keys: SessionKeys, confirmation: Uint8Array, from: SocketAddress, nowMs: number): void {
    this.#endAttempt();
    this.#dropConfirmation(nowMs);
    const firstContact = this.sessions.active === null;
    this.#moveTo(from, nowMs);
    const session = this.sessions.install(keys, 'initiator', this.#deps.random.fraction(), nowMs);
    this.#deps.emit({ type: 'sendDatagram', to: from, bytes: confirmation });
    this.#confirmation = new Confirmation(session, confirmation, from, firstContact, nowMs);
    if (firstContact) this.sessions.activate(session, nowMs);
  }

  /** The peer confirmed its handshake. @param startedMs when its initiation arrived */
  installAsResponder(keys: SessionKeys, from: SocketAddress, startedMs: number, nowMs: number): void {
    const keepsOurs = this.#isOursPreferred(startedMs);
    this.#endAttempt();
    this.#moveTo(from, nowMs);
    const session = this.sessions.install(keys, 'responder', this.#deps.random.fraction(), nowMs);
    if (keepsOurs) {
      this.sessions.retire(session, nowMs);
    } else {
      this.sessions.activate(session, nowMs);
      this.#dropConfirmation(nowMs);
    }
    this.#established(nowMs);
    this.#probeNow(nowMs);
  }

  /** The first authentic datagram came in on a session. */
  sessionConfirmed(localIndex: number, nowMs: number): void {
    const session = this.sessions.find(localIndex);
    if (session === null) return;
    this.sessions.confirm(session, nowMs);
    if (this.#confirmation?.session === session) this.#confirm(nowMs);
    else this.heard(nowMs, nowMs);
  }

  /** Something authentic came from the peer. */
  heard(atMs: number, nowMs: number): void {
    this.#lastHeardMs = Math.max(this.#lastHeardMs, Math.min(atMs, nowMs));
    this.#step({ type: 'heard', atMs }, nowMs);
  }

  /** A control message or probe answer came: on first contact it confirms the session, since there is no other. */
  heardDirectly(nowMs: number): void {
    if (this.#confirmation?.firstContact === true) this.#confirm(nowMs);
    else this.heard(nowMs, nowMs);
  }

  probeAnswered(sizeBytes: number, roundTripMs: number, nowMs: number): void {
    // A large probe takes longer on a slow path: it counts only while there is nothing better.
    if (sizeBytes <= LIVENESS_PROBE_BYTES || this.rttMs === null) this.#roundTrip.add(roundTripMs);
    this.heardDirectly(nowMs);
    this.#stepMtu({ type: 'answer', sizeBytes }, nowMs);
  }

  roamed(endpoint: SocketAddress, nowMs: number): void {
    this.#moveTo(endpoint, nowMs);
    this.heard(nowMs, nowMs);
  }

  left(nowMs: number): void {
    this.#step({ type: 'left' }, nowMs);
  }

  counted(counters: PeerCounters, nowMs: number): void {
    this.counters = counters;
    if (counters.lastReceivedMsAgo !== null) this.heard(nowMs - Math.max(0, counters.lastReceivedMsAgo), nowMs);
  }

  /** Frames wait for this peer: try at once, though not over and over. */
  wanted(nowMs: number): void {
    if (this.sessions.active === null) this.dial.hurry(nowMs);
  }

  /** What the router knew of the path before this process started. */
  restorePath(endpoint: SocketAddress, mtuBytes: number): void {
    this.endpoint = endpoint;
    this.#mtu = unknownPathMtu(this.#deps.underlay.mtuBytes, mtuBytes);
  }

  /** A session found in the router after this process restarted. */
  adopt(status: SessionStatus, nowMs: number): void {
    this.sessions.adopt(status.localIndex, status.active, status.unitsSent, nowMs);
  }

  /** The router is a new one: it holds none of our sessions. */
  routerReplaced(reason: string, nowMs: number): void {
    this.#confirmation = null;
    this.#endAttempt();
    this.sessions.forget();
    this.#step({ type: 'blind', reason }, nowMs);
    this.dial.restart(nowMs + this.#deps.random.fraction() * 100);
  }

  /** The same router is back: what it no longer holds is forgotten, and silence meanwhile means nothing. */
  routerReturned(holds: (localIndex: number) => boolean, gapMs: number, nowMs: number): void {
    this.sessions.forget((session) => !holds(session.localIndex));
    if (this.#confirmation !== null && this.sessions.find(this.#confirmation.session.localIndex) === null) {
      this.#confirmation = null;
    }
    this.paused(gapMs, nowMs);
    this.dial.hurry(nowMs);
  }

  /** This process stood still: the gap is not the peer's. */
  paused(gapMs: number, nowMs: number): void {
    this.#lastHeardMs = Math.min(nowMs, this.#lastHeardMs + gapMs);
    this.#step({ type: 'paused', gapMs }, nowMs);
    this.#stepMtu({ type: 'paused', gapMs }, nowMs);
  }

  emitPath(): void {
    if (this.endpoint === null) return;
    this.#deps.emit({ type: 'path', path: { peer: this.id, endpoint: this.endpoint, mtuBytes: this.mtuBytes } });
  }

  /** Shows the peer that its session works, when there is one. */
  probeIfLinked(nowMs: number): void {
    if (this.isLinked) this.#probeNow(nowMs);
  }

  /** Does all that is due. */
  advance(nowMs: number): void {
    this.#step({ type: 'tick' }, nowMs);
    this.sessions.expire(nowMs);
    this.#advanceConfirmation(nowMs);
    if (!this.#needsHandshake(nowMs)) this.#endAttempt();
    else if (nowMs >= this.dial.nextMs) this.#tryToReach(nowMs);
    if (!this.isLinked) return;
    if (nowMs >= this.#probeDueMs()) this.#probeNow(nowMs);
    this.#stepMtu({ type: 'tick', lastHeardMs: this.#lastHeardMs, roundTripMs: this.rttMs }, nowMs);
  }

  /** When {@link advance} has something to do next. */
  pollAt(nowMs: number): number {
    const times = [linkPollAt(this.#link), this.sessions.pollAt(), this.#confirmation?.nextMs ?? null];
    if (this.#needsHandshake(nowMs)) times.push(this.dial.nextMs);
    else if (this.#confirmation === null) times.push(this.sessions.active?.rekeyAtMs ?? null);
    if (this.isLinked) times.push(this.#probeDueMs(), mtuPollAt(this.#mtu));
    return Math.min(...times.map((time) => time ?? Infinity));
  }

  /** Takes the peer's sessions and its attempt out of the world; the object is done. */
  dispose(): void {
    this.#endAttempt();
    this.sessions.removeAll();
    this.#deps.emit({ type: 'removePeer', peer: this.id });
  }

  #step(event: LinkEvent, nowMs: number): void {
    const before = this.#link;
    this.#link = step(before, event, nowMs);
    if (before.state === this.#link.state) return;
    if (this.#link.state === 'stale') {
      this.#stepMtu({ type: 'doubt' }, nowMs);
      this.dial.restart(nowMs);
    }
    if (this.#link.state === 'down') this.#wentDown(nowMs);
    if (this.#link.state === 'up') this.#cameUp(before, nowMs);
    this.#deps.linkChanged(this, before, nowMs);
  }

  #cameUp(before: Link, nowMs: number): void {
    if (before.state !== 'stale' || this.#mtu.phase.name === 'idle') this.#stepMtu({ type: 'start' }, nowMs);
  }

  #wentDown(nowMs: number): void {
    this.#confirmation = null;
    this.sessions.removeAll();
    this.#roundTrip.clear();
    this.#stepMtu({ type: 'stop' }, nowMs);
    this.dial.hurry(nowMs);
  }

  #established(nowMs: number): void {
    this.lastHandshakeMs = nowMs;
    this.dial.restart(nowMs);
    this.#lastHeardMs = nowMs;
    this.#step({ type: 'established' }, nowMs);
  }

  #confirm(nowMs: number): void {
    const confirmation = this.#confirmation;
    if (confirmation === null) return;
    this.#confirmation = null;
    this.sessions.confirm(confirmation.session, nowMs);
    this.sessions.activate(confirmation.session, nowMs);
    this.#established(nowMs);
  }

  /** See the header: whether a session that we began at the same time outranks one that the peer began. */
  #isOursPreferred(startedMs: number): boolean {
    if (this.id < this.#deps.ownId) return false;
    const ours = this.#confirmation?.session ?? this.sessions.active;
    if (ours?.role !== 'initiator') return false;
    return ours.confirmedMs === null || ours.confirmedMs > startedMs;
  }

  /** Gives up waiting for a confirmation; a session that never carried anything retires. */
  #dropConfirmation(nowMs: number): void {
    const session = this.#confirmation?.session;
    this.#confirmation = null;
    if (session !== undefined && session !== this.sessions.active) this.sessions.retire(session, nowMs);
  }

  #advanceConfirmation(nowMs: number): void {
    const confirmation = this.#confirmation;
    if (confirmation === null) return;
    if (confirmation.isOver(this.sessions.hasConfirmedBesides(confirmation.session), nowMs)) {
      this.#confirmation = null;
      this.sessions.remove(confirmation.session, nowMs);
    } else if (nowMs >= confirmation.nextMs) {
      this.#deps.emit({ type: 'sendDatagram', to: confirmation.to, bytes: confirmation.datagram });
      confirmation.repeated(nowMs);
    }
  }

  #needsHandshake(nowMs: number): boolean {
    if (this.#confirmation !== null) return false;
    const { active } = this.sessions;
    if (active === null || active.role === 'adopted') return true;
    return !isUsable(this.#link) || this.#link.state === 'stale' || this.sessions.isRekeyDue(nowMs);
  }

  #tryToReach(nowMs: number): void {
    const { handshakes, random, underlay } = this.#deps;
    if (this.dial.isAttemptOver(nowMs)) this.#endAttempt('expired');
    if (this.dial.attempt === null) {
      const localIndex = handshakes.start((peer) => peer === this.id, nowMs);
      if (localIndex !== null) this.dial.begun(localIndex, nowMs);
    }
    const addresses = dialable([this.endpoint, ...(this.advert?.endpoints ?? [])], underlay.ownAddresses);
    for (const to of this.dial.pick(addresses)) {
      const bytes = this.dial.attempt === null ? null : handshakes.initiationFor(this.dial.attempt, to, nowMs);
      if (bytes !== null) this.#deps.emit({ type: 'sendDatagram', to, bytes });
    }
    this.dial.tried(this.#dialCapMs(nowMs), random.fraction(), nowMs);
  }

  #dialCapMs(nowMs: number): number {
    const longDead = this.#link.state === 'down' && nowMs - this.#link.sinceMs >= LONG_DEAD_AFTER_MS;
    return longDead ? MAX_DEAD_DIAL_RETRY_MS : MAX_DIAL_RETRY_MS;
  }

  /** Whatever was in flight is void: a new handshake begins as soon as one is needed. */
  restartDial(nowMs: number): void {
    this.#endAttempt();
    this.dial.restart(nowMs);
  }

  #endAttempt(end: 'expired' | 'superseded' = 'superseded'): void {
    if (this.dial.attempt !== null) this.#deps.handshakes.cancel(this.dial.attempt, end);
    this.dial.attempt = null;
  }

  /** A new address is a new path: its MTU is searched anew. */
  #moveTo(endpoint: SocketAddress, nowMs: number): void {
    if (this.endpoint !== null && sameSocketAddress(this.endpoint, endpoint)) return;
    this.endpoint = endpoint;
    if (this.#mtu.phase.name !== 'idle') this.#mtu = stepMtu(this.#mtu, { type: 'start' }, nowMs).mtu;
    this.emitPath();
  }

  #stepMtu(event: MtuEvent, nowMs: number): void {
    const before = this.#mtu.mtuBytes;
    const { mtu, probeBytes } = stepMtu(this.#mtu, event, nowMs);
    this.#mtu = mtu;
    if (mtu.mtuBytes !== before) this.emitPath();
    if (probeBytes !== null) this.#probe(probeBytes);
  }

  #probeNow(nowMs: number): void {
    this.#lastProbeMs = nowMs;
    this.#probe(LIVENESS_PROBE_BYTES);
    const intervalMs = this.#link.state === 'stale' ? PROBE_INTERVAL_MS / 2 : PROBE_INTERVAL_MS;
    this.#probeWaitMs = intervalMs * (0.9 + this.#deps.random.fraction() / 5);
  }

  #probe(sizeBytes: number): void {
    this.#deps.emit({ type: 'probe', peer: this.id, probeId: this.#deps.nextProbeId(), sizeBytes });
  }

  #probeDueMs(): number {
    const silentMs = Math.max(this.#lastHeardMs, this.#lastProbeMs) + this.#probeWaitMs;
    return Math.min(silentMs, this.#lastProbeMs + RTT_PROBE_INTERVAL_MS);
  }
}
