/**
 * One other node as seen from here: its advert, its link, its sessions, its path, and the handshakes with it. A neighbour
 * (`cluster/rings.ts`) is always dialled and probed; any other peer has a data link while frames pass (`traffic.ts`), or none.
 * Not here: what concerns several peers at once (gossip, ownership, seeds).
 */
import type { NodeId } from '../../common/node-id.js';
import type { PeerCounters, PeerPath as PeerPathStatus, SessionKeys, SessionStatus } from '../../common/router-port.js';
import { Deadline } from '../deadlines.js';
import type { Advert } from '../wire/advert.js';
import type { DialTarget } from './dial.js';
import { dialTargetOf } from './dial-target.js';
import {
  CLOSE_STAGGER_MS,
  DIAL_DOWN_MS,
  FRAMES_WAIT_MS,
  PROBE_INTERVAL_MS,
  STALE_AFTER_MS,
  UNHEARD_AFTER_MS,
} from '../limits.js';
import type { Origin } from '../origin.js';
import { encodeControl } from '../wire/control-message.js';
import { hear, isCarrying, LINK_REASONS, linkPollAt, step } from './link.js';
import type { Link, LinkEvent } from './link.js';
import type { PeerDeps } from './peer-deps.js';
import { PeerPath } from './peer-path.js';
import { PeerSessions } from './peer-sessions.js';
import { SessionEstablisher } from './session-establisher.js';
import type { Confirmation } from './session-establisher.js';
import { Traffic } from './traffic.js';
import { Unanswered } from './unanswered.js';

export class Peer {
  readonly id: NodeId;
  readonly sessions: PeerSessions;
  readonly path: PeerPath;
  /** When it has something to do. */
  readonly deadline = new Deadline<Peer>(this);
  #advert: Advert | null = null;
  #advertAtMs: number;
  #lastHandshakeMs: number | null = null;
  #counters: PeerCounters | null = null;
  #link: Link;
  /** When the router last said that frames wait. */
  #wantedMs = -Infinity;
  #isNeighbour = false;
  /** When a first contact is given up that no frame needs. */
  #triedUntilMs = Infinity;
  readonly #traffic: Traffic;
  readonly unanswered = new Unanswered();
  readonly #establisher: SessionEstablisher;
  readonly #deps: PeerDeps<Peer>;

  constructor(deps: PeerDeps<Peer>, id: NodeId, link: Link, nowMs: number) {
    this.#deps = deps;
    this.id = id;
    this.sessions = new PeerSessions(deps);
    this.path = new PeerPath(deps, id, nowMs);
    this.#traffic = new Traffic(nowMs);
    this.#establisher = new SessionEstablisher(deps, this);
    this.#link = link;
    this.#advertAtMs = nowMs;
  }

  get link(): Link {
    return this.#link;
  }

  /** The newest one, or null for a peer known only from the router's sessions. */
  get advert(): Advert | null {
    return this.#advert;
  }

  /** When the newest advert came. */
  get advertAtMs(): number {
    return this.#advertAtMs;
  }

  get lastHandshakeMs(): number | null {
    return this.#lastHandshakeMs;
  }

  /** As the router last reported them. */
  get counters(): PeerCounters | null {
    return this.#counters;
  }

  get isNeighbour(): boolean {
    return this.#isNeighbour;
  }

  /** When a frame last passed, or the link came up. */
  get lastTrafficMs(): number {
    return this.#traffic.lastMs;
  }

  /** Whether it said goodbye and has not come back. */
  get hasLeft(): boolean {
    return this.#link.state === 'down' && this.#link.reason === LINK_REASONS.left;
  }

  /** Whether others found it dead, and nothing shows yet that it is alive. */
  get isReported(): boolean {
    return this.#link.state === 'down' && this.#link.reason === LINK_REASONS.reported;
  }

  /** Whether a handshake with it has ever succeeded, also one before a restart. */
  get isProven(): boolean {
    return this.#lastHandshakeMs !== null || this.sessions.active !== null || this.#deps.hasMet(this.id);
  }

  /** Whether nothing is known but the advert: no link, no dial, no address of its own, and nothing known against it. */
  get isBlank(): boolean {
    const isIdle = this.#link.state === 'idle' && !this.#isNeighbour && this.#establisher.isIdle;
    return isIdle && this.path.endpoint === null && this.#lastHandshakeMs === null && this.sessions.count === 0;
  }

  /** Whether the link stands, and what is heard on it only moves its deadlines on. */
  get isSteady(): boolean {
    return this.#link.state === 'up' && !this.path.isSearching;
  }

  /** Whether control messages reach the peer: there is a session, and the link is not down. */
  get isLinked(): boolean {
    return this.sessions.active !== null && isCarrying(this.#link);
  }

  /** It became a neighbour, or is one no longer: then its link stays as long as frames pass. @param link the one to begin with */
  setNeighbour(isNeighbour: boolean, link: Link | null, nowMs: number): void {
    if (this.#isNeighbour && !isNeighbour) this.#traffic.note(nowMs);
    if (isNeighbour && this.isQuiet(nowMs)) this.#excuseSilence(nowMs);
    const wasNew = this.#isNew;
    this.#isNeighbour = isNeighbour;
    // Nobody needs the link to a former neighbour that has not been dialled yet.
    if (!isNeighbour && wasNew && this.sessions.count === 0 && !this.#establisher.hasBegun)
      return this.#drop({ type: 'closed' }, nowMs);
    if (!isNeighbour || this.#link.state !== 'idle') return;
    if (link === null) this.#step({ type: 'wanted' }, nowMs);
    else this.#link = link;
  }

  /** A link is needed, though no frame waits for it. @param untilMs it is needed until then, and is given up without a word */
  open(nowMs: number, untilMs = Infinity): void {
    this.#triedUntilMs = this.#link.state === 'idle' ? untilMs : Math.max(untilMs, this.#triedUntilMs);
    this.#step({ type: 'wanted' }, nowMs);
  }

  /** Ends a data link: the peer is told, and the next frame makes another link. */
  close(nowMs: number): void {
    this.#tellClosed();
    this.#drop({ type: 'closed' }, nowMs);
  }

  /** Shows the peer on a quiet link where this node is now. */
  touchIfQuiet(nowMs: number): void {
    if (this.isQuiet(nowMs)) this.path.probeNow(false, nowMs);
  }

  /**
   * The peer has another process than before, which may not hold our sessions, or its path may be gone: the link is probed for a
   * while from now on, also when it would have turned quiet before its silence told.
   */
  doubt(nowMs: number): void {
    const wasQuiet = this.isQuiet(nowMs);
    this.#traffic.note(nowMs);
    if (wasQuiet) this.#excuseSilence(nowMs);
  }

  /** Others may have dropped their sessions with this node: a quiet link is ended here too. */
  closeIfQuiet(nowMs: number): void {
    if (this.isQuiet(nowMs) && !this.isHeard(nowMs)) this.close(nowMs);
  }

  /** The peer ended the data link. */
  closedByPeer(nowMs: number): void {
    const isNeeded = this.#isNeighbour || !this.isQuiet(nowMs);
    this.#drop({ type: 'closed' }, nowMs);
    if (isNeeded) this.open(nowMs);
  }

  /** A new advert may name addresses at which the peer responds. */
  learnAdvert(advert: Advert, nowMs: number): void {
    if (this.#advert !== null && this.#advert.incarnation !== advert.incarnation) this.doubt(nowMs);
    this.#advert = advert;
    this.#advertAtMs = nowMs;
    this.path.noteAdvertised(advert.endpoints[0] ?? null, nowMs);
    // A peer that signs a new advert is alive. Of a neighbour that this node itself does not reach, it is no news.
    if (this.hasLeft || this.isReported || !this.#isNeighbour) this.#clear(nowMs);
    if (!this.isLinked) this.#establisher.handle({ type: 'restart' }, nowMs);
  }

  /** The peer responded to our initiation: installs the session and sends the confirmation, repeatedly if need be. */
  installAsInitiator(keys: SessionKeys, confirmation: Confirmation, origin: Origin, nowMs: number): void {
    this.path.establishedAt(origin, nowMs);
    this.#establisher.installAsInitiator(keys, confirmation, origin, nowMs);
  }

  /** The peer confirmed its handshake. @param startedMs when its initiation arrived */
  installAsResponder(keys: SessionKeys, origin: Origin, startedMs: number, nowMs: number): void {
    this.path.establishedAt(origin, nowMs);
    this.#establisher.installAsResponder(keys, startedMs, nowMs);
    this.#established(nowMs);
    this.path.probeNow(this.#link.state === 'stale', nowMs);
  }

  /** The router opened the first unit of a session. */
  sessionConfirmed(localIndex: number, nowMs: number): void {
    if (!this.sessions.confirmAt(localIndex, nowMs)) return;
    if (this.#establisher.confirming?.localIndex === localIndex) this.#confirm(nowMs);
    else this.heard(nowMs, nowMs);
  }

  /** Something authentic arrived from the peer at `atMs`. */
  heard(atMs: number, nowMs: number): void {
    this.unanswered.heard(atMs);
    this.path.heard(atMs, nowMs);
    if (!hear(this.#link, atMs, nowMs)) this.#step({ type: 'heard', atMs }, nowMs);
  }

  /** A control or probe unit arrived: on first contact it confirms the session, since there is no other. */
  unitReceived(nowMs: number): void {
    if (this.#establisher.confirming?.firstContact === true) this.#confirm(nowMs);
    else this.heard(nowMs, nowMs);
  }

  probeAnswered(sizeBytes: number, roundTripMs: number, nowMs: number): void {
    this.path.measured(sizeBytes, roundTripMs, nowMs);
    this.unitReceived(nowMs);
    this.path.sizeAnswered(sizeBytes, nowMs);
  }

  roamed({ from, local }: Origin, nowMs: number): void {
    this.path.moveTo(from, nowMs, local);
    this.heard(nowMs, nowMs);
  }

  goodbyeReceived(nowMs: number): void {
    this.#step({ type: 'left' }, nowMs);
  }

  /** Whether it was heard lately. */
  isHeard(nowMs: number): boolean {
    if (this.#link.state !== 'up') return false;
    // The router tells once a second what it heard.
    return !this.isQuiet(nowMs) || nowMs - this.#link.lastHeardMs < STALE_AFTER_MS + PROBE_INTERVAL_MS;
  }

  /** Whether nothing is sent on the link, and its silence says nothing. */
  isQuiet(nowMs: number): boolean {
    return !this.#isNeighbour && this.#link.state === 'up' && this.#traffic.isQuiet(nowMs);
  }

  /** Whether the router keeps frames for it that wait for a session. */
  framesWait(nowMs: number): boolean {
    return nowMs - this.#wantedMs < FRAMES_WAIT_MS;
  }

  /** There is another way to it: a handshake is tried there at once. */
  wayOpened(nowMs: number): void {
    if (!this.isLinked) this.#establisher.handle({ type: 'hurry' }, nowMs);
  }

  /** Its neighbours heard nothing of it. */
  reported(nowMs: number): void {
    if (this.isHeard(nowMs)) return;
    // One that lives after all does not go on with sessions that this node drops.
    this.#tellClosed();
    this.#step({ type: 'reported', isQuiet: this.isQuiet(nowMs) }, nowMs);
  }

  /** What its neighbours reported counts no more. */
  reportsVoid(nowMs: number): void {
    if (this.isReported) this.#clear(nowMs);
  }

  updateCounters(counters: PeerCounters, nowMs: number): void {
    this.#counters = counters;
    const wasQuiet = this.isQuiet(nowMs);
    const isUsed = this.#traffic.report(counters.txFrames + counters.rxFrames, nowMs);
    if (isUsed && wasQuiet) this.#excuseSilence(nowMs);
    if (counters.lastReceivedMsAgo !== null) this.heard(nowMs - Math.max(0, counters.lastReceivedMsAgo), nowMs);
  }

  /** Frames wait for this peer, or leave without anything heard: tries at once, without starting the back-off over. */
  sessionWanted(nowMs: number): void {
    if (this.sessions.active !== null && this.#link.state === 'up') return this.#unheard(this.#link.lastHeardMs, nowMs);
    this.#wantedMs = nowMs;
    this.open(nowMs);
    if (this.sessions.active === null) this.#establisher.handle({ type: 'hurry' }, nowMs);
  }

  #unheard(lastHeardMs: number, nowMs: number): void {
    // The threads of a router do not all hear the same.
    if (nowMs - lastHeardMs < UNHEARD_AFTER_MS && this.unanswered.sinceMs === null) return;
    this.#wantedMs = nowMs;
    this.unanswered.begin(nowMs);
    this.doubt(nowMs);
    this.path.probeNow(false, nowMs);
  }

  /** A session found in the router after this process restarted: it is replaced when it is due. */
  adopt(status: SessionStatus, nowMs: number): void {
    const session = this.sessions.adopt(status, this.#deps.random.fraction(), nowMs);
    if (session === null || status.ageMs === undefined) return;
    this.#lastHandshakeMs = Math.max(this.#lastHandshakeMs ?? -Infinity, session.createdMs);
  }

  /** What the router knew of path and link before this process started, with the sessions it holds. */
  resume({ endpoint, mtuBytes, upForMs = null, relay = null }: PeerPathStatus, nowMs: number): void {
    this.path.restore(endpoint, mtuBytes, relay);
    const isKnown = upForMs !== null || this.#link.state === 'idle';
    if (isKnown && this.sessions.active !== null)
      this.#step({ type: 'resumed', sinceMs: nowMs - (upForMs ?? 0) }, nowMs);
  }

  /** The router is a new one: it holds none of our sessions. A peer that is down is dialled when it would have been anyway. */
  routerReplaced(reason: string, dialAtMs: number, nowMs: number): void {
    this.sessions.forget();
    if (this.#link.state === 'idle') return;
    this.#step({ type: 'blind', reason }, nowMs);
    this.#establisher.handle(
      { type: 'routerReplaced', dialAtMs: this.#link.state === 'down' ? null : dialAtMs },
      nowMs,
    );
  }

  /** The connection to the same router is back: what it no longer holds is forgotten, and the silence is excused. */
  routerReturned(holds: (localIndex: number) => boolean, gapMs: number, nowMs: number): void {
    this.sessions.forget((session) => !holds(session.localIndex));
    this.#establisher.checkSession(nowMs);
    this.excusePause(gapMs, nowMs);
    this.#establisher.handle({ type: 'hurry' }, nowMs);
  }

  /** Sessions with it are possible from now on: a handshake in progress may be one that came to nothing. */
  redial(nowMs: number): void {
    if (!this.isLinked) this.#establisher.handle({ type: 'secretReplaced' }, nowMs);
  }

  /** The cluster secret changed, and the handshakes in progress with it. */
  secretReplaced(nowMs: number): void {
    this.#establisher.handle({ type: 'secretReplaced' }, nowMs);
  }

  /** This process stood still for `gapMs`, which is not held against the peer. */
  excusePause(gapMs: number, nowMs: number): void {
    this.#step({ type: 'paused', gapMs }, nowMs);
    this.path.excusePause(gapMs, nowMs);
  }

  /** Shows the peer that its session works, when there is one. */
  probeIfLinked(nowMs: number): void {
    if (this.isLinked) this.path.probeNow(this.#link.state === 'stale', nowMs);
  }

  /** What a handshake with it needs to know. */
  dialTarget(nowMs: number): DialTarget {
    return dialTargetOf(this, this.#deps.channelsTo(this.id), this.#deps.underlay.ownAddresses, nowMs);
  }

  /** Does all that is due. */
  advance(nowMs: number): void {
    if (!this.isQuiet(nowMs)) this.#tick(nowMs);
    if (nowMs >= this.#endsAtMs()) this.#end(nowMs);
    this.sessions.expire(nowMs);
    this.#establisher.advance(this.#needsSession(nowMs), this.#isNew, nowMs);
    if (this.isLinked && !this.isQuiet(nowMs)) this.path.advance(this.#link.state === 'stale', nowMs);
  }

  /** When {@link advance} has something to do next. */
  pollAt(nowMs: number): number {
    const needed = this.#needsSession(nowMs);
    const sessionsAtMs = Math.min(this.sessions.pollAt(), needed ? Infinity : this.unanswered.dialAtMs);
    const atMs = Math.min(this.#endsAtMs(), sessionsAtMs, this.#establisher.pollAt(needed, nowMs) ?? Infinity);
    if (this.isQuiet(nowMs)) return atMs;
    const linkAtMs = linkPollAt(this.#link, this.#deps.graceMs(nowMs)) ?? Infinity;
    const mayRekey = !needed && this.#establisher.confirming === null;
    const rekeyAtMs = mayRekey ? (this.sessions.active?.rekeyAtMs ?? Infinity) : Infinity;
    return Math.min(atMs, linkAtMs, rekeyAtMs, this.isLinked ? this.path.pollAt() : Infinity);
  }

  /** Removes the peer from router and handshakes; the object is not used afterwards. */
  dispose(nowMs: number): void {
    this.#establisher.handle({ type: 'stopped' }, nowMs);
    this.sessions.removeAll();
    this.#deps.emit({ type: 'removePeer', peer: this.id });
  }

  #tick(nowMs: number): void {
    const graceMs = this.#deps.graceMs(nowMs);
    if (nowMs >= (linkPollAt(this.#link, graceMs) ?? Infinity)) this.#step({ type: 'tick', graceMs }, nowMs);
  }

  #step(event: LinkEvent, nowMs: number): void {
    const before = this.#link;
    this.#link = step(before, event, nowMs);
    if (before.state === this.#link.state) return;
    if (this.#link.state === 'stale') this.#wentStale(nowMs);
    if (this.#link.state === 'down') this.#wentDown(nowMs);
    if (this.#link.state === 'up') this.path.linkUp(before.state === 'stale', this.#link.sinceMs, nowMs);
    this.#deps.linkChanged(this, before, nowMs);
  }

  #wentStale(nowMs: number): void {
    this.path.linkStale(nowMs);
    this.#establisher.handle({ type: 'restart' }, nowMs);
  }

  #wentDown(nowMs: number): void {
    this.unanswered.end();
    this.sessions.removeAll();
    this.path.linkDown(nowMs);
    this.#establisher.handle({ type: 'linkDown' }, nowMs);
  }

  #tellClosed(): void {
    if (this.sessions.active === null) return;
    this.#deps.emit({ type: 'sendControl', peer: this.id, bytes: encodeControl({ type: 'linkClosed' }) });
  }

  /** Nothing is known any more against a peer that was down. */
  #clear(nowMs: number): void {
    if (this.#link.state === 'down') this.#drop({ type: 'closed' }, nowMs);
    if (this.#isNeighbour) this.open(nowMs);
  }

  /** Drops sessions and handshakes, with what the link becomes. */
  #drop(event: LinkEvent, nowMs: number): void {
    this.unanswered.end();
    this.#establisher.handle({ type: 'stopped' }, nowMs);
    this.sessions.removeAll();
    this.path.linkDown(nowMs);
    this.#step(event, nowMs);
  }

  /** Whether it is a neighbour that this node has not met yet. */
  get #isNew(): boolean {
    return this.#isNeighbour && this.#link.state === 'connecting' && !this.#link.wasIdle;
  }

  /** The silence of a link that was quiet says nothing: it counts from about when a frame was sent, or it is probed again. */
  #excuseSilence(nowMs: number): void {
    this.heard(nowMs - PROBE_INTERVAL_MS, nowMs);
  }

  #isGivenUp(nowMs: number): boolean {
    if (this.#isNeighbour || this.#link.state !== 'down') return false;
    return this.hasLeft || this.isReported || nowMs - this.#link.sinceMs >= DIAL_DOWN_MS;
  }

  /** When a data link is closed for want of frames, or a peer that is down is left alone. */
  #endsAtMs(): number {
    if (this.#isNeighbour || this.#advert === null) return Infinity;
    // One that left, or that others found dead, is not dialled; one never met may be invented, and `peer-table.ts` forgets it.
    const isGone = this.hasLeft || this.isReported || !this.isProven;
    if (this.#link.state === 'down') return isGone ? Infinity : this.#link.sinceMs + DIAL_DOWN_MS;
    if (this.#link.state === 'connecting') return this.#triedUntilMs;
    if (this.#link.state !== 'up' || this.#deps.carriesOthers(this.id)) return Infinity;
    return this.#traffic.closeAtMs + (this.id < this.#deps.ownId ? CLOSE_STAGGER_MS : 0);
  }

  #end(nowMs: number): void {
    if (this.#link.state === 'down') this.#drop({ type: 'closed' }, nowMs);
    else this.close(nowMs);
  }

  #established(nowMs: number): void {
    this.unanswered.end();
    this.#lastHandshakeMs = nowMs;
    if (this.#link.state !== 'up') this.#traffic.note(nowMs);
    this.path.heard(nowMs, nowMs);
    this.#step({ type: 'established' }, nowMs);
  }

  /** The peer uses the session that was being confirmed. */
  #confirm(nowMs: number): void {
    if (this.#establisher.confirm(nowMs)) this.#established(nowMs);
  }

  #needsSession(nowMs: number): boolean {
    // The handshake brings the advert of a peer that is known from the router only.
    if (this.#advert === null) return true;
    if (this.#link.state === 'idle') return false;
    if (this.#isGivenUp(nowMs)) return false;
    if (this.sessions.active === null || this.#link.state !== 'up') return true;
    if (nowMs >= this.unanswered.dialAtMs) return true;
    return !this.isQuiet(nowMs) && this.sessions.isRekeyDue(nowMs);
  }
}
