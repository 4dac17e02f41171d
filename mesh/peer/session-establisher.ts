/**
 * Establishing of sessions with one peer: drives the machine of `establishing.ts`, carries out its effects, and installs the
 * sessions that handshakes of either side lead to.
 *
 * The node with the higher id lets the other dial a new neighbour first. When both sides initiate at once all the same and both
 * handshakes finish, the one of the node with the lower id wins: its initiator keeps that session active and retires the other
 * one, its responder switches to it.
 */
import type { NodeId } from '../../common/node-id.js';
import type { SessionKeys } from '../../common/router-port.js';
import type { MeshEffect, RandomSource } from '../mesh-io.js';
import type { Dialer, DialTarget } from './dial.js';
import { DIAL_YIELD_MS } from '../limits.js';
import { answerTo } from '../origin.js';
import type { Origin } from '../origin.js';
import { establishingPollAt, IDLE, stepEstablishing } from './establishing.js';
import type { Confirming, Establishing, EstablishingEffect, EstablishingEvent } from './establishing.js';
import type { PeerSessions } from './peer-sessions.js';

/** The same for all peers. */
export interface SessionEstablisherDeps {
  readonly ownId: NodeId;
  readonly dialer: Dialer;
  readonly random: RandomSource;
  emit(effect: MeshEffect): void;
}

/** Message that ends a handshake of ours. */
export interface Confirmation {
  readonly bytes: Uint8Array;
  /** Frames may follow it at once: the peer keeps them until it has read it. */
  readonly mayFollow: boolean;
}

/** The peer that the sessions are with. */
export interface SessionPeer {
  readonly id: NodeId;
  readonly sessions: PeerSessions;
  dialTarget(nowMs: number): DialTarget;
}

export class SessionEstablisher {
  readonly #deps: SessionEstablisherDeps;
  readonly #peer: SessionPeer;
  #current: Establishing = IDLE;

  constructor(deps: SessionEstablisherDeps, peer: SessionPeer) {
    this.#deps = deps;
    this.#peer = peer;
  }

  /** Whether no handshake of ours is in progress. */
  get isIdle(): boolean {
    return this.#current.state === 'idle';
  }

  /** Whether an initiation of ours may be answered, or was. */
  get hasBegun(): boolean {
    return (
      this.#current.state === 'confirming' ||
      (this.#current.state === 'dialing' && this.#current.dial.handshake !== null)
    );
  }

  /** The session that waits for the peer to use it, or null. */
  get confirming(): Confirming | null {
    return this.#current.state === 'confirming' ? this.#current.confirming : null;
  }

  /**
   * Installs the session of a handshake of ours. Active when the peer uses it, since until then the peer may not have it; on first
   * contact with a peer that keeps early frames at once.
   */
  installAsInitiator(keys: SessionKeys, { bytes, mayFollow }: Confirmation, origin: Origin, nowMs: number): void {
    const { sessions } = this.#peer;
    const firstContact = sessions.active === null;
    const session = sessions.install(keys, 'initiator', this.#deps.random.fraction(), nowMs);
    const confirming = { localIndex: session.localIndex, bytes, origin, firstContact };
    this.handle({ type: 'responded', confirming }, nowMs);
    if (firstContact && mayFollow) sessions.activate(session, nowMs);
  }

  /** Installs the session of a handshake of the peer's, whose initiation came at `startedMs`. */
  installAsResponder(keys: SessionKeys, startedMs: number, nowMs: number): void {
    const { sessions } = this.#peer;
    const oursWins = this.#oursWins(startedMs);
    const session = sessions.install(keys, 'responder', this.#deps.random.fraction(), nowMs);
    if (oursWins) sessions.retire(session, nowMs);
    else sessions.activate(session, nowMs);
    this.handle({ type: 'accepted', oursWins }, nowMs);
  }

  /** The peer uses the session that is being confirmed: activates it. False when the session is gone. */
  confirm(nowMs: number): boolean {
    const { sessions } = this.#peer;
    const session = this.confirming === null ? null : sessions.find(this.confirming.localIndex);
    this.handle({ type: 'confirmed' }, nowMs);
    if (session === null) return false;
    sessions.confirm(session, nowMs);
    sessions.activate(session, nowMs);
    return true;
  }

  /** Stops confirming a session that the router no longer has. */
  checkSession(nowMs: number): void {
    const { confirming } = this;
    const isLost = confirming !== null && this.#peer.sessions.find(confirming.localIndex) === null;
    if (isLost) this.handle({ type: 'sessionLost' }, nowMs);
  }

  /**
   * Does what is due.
   * @param needed whether a new session is needed
   * @param mayYield whether the peer dials too, and no frame waits
   */
  advance(needed: boolean, mayYield: boolean, nowMs: number): void {
    if (this.isIdle && !needed) return;
    const { confirming } = this;
    const hasOther = confirming !== null && this.#peer.sessions.hasConfirmedBesides(confirming.localIndex);
    const yieldMs = mayYield && this.#peer.id < this.#deps.ownId ? DIAL_YIELD_MS : 0;
    this.handle({ type: 'tick', needed, yieldMs, hasOther }, nowMs);
  }

  pollAt(needed: boolean, nowMs: number): number | null {
    return establishingPollAt(this.#current, needed, nowMs);
  }

  handle(event: EstablishingEvent, nowMs: number): void {
    const { next, effects } = stepEstablishing(this.#current, event, nowMs);
    this.#current = next;
    for (const effect of effects) this.#carryOut(effect, nowMs);
  }

  #carryOut(effect: EstablishingEffect, nowMs: number): void {
    const { dialer } = this.#deps;
    const { sessions } = this.#peer;
    switch (effect.type) {
      case 'dial': {
        const dial = dialer.tryNow(effect.dial, this.#peer.dialTarget(nowMs), nowMs);
        return this.handle({ type: 'dialed', dial }, nowMs);
      }
      case 'endDial':
        dialer.end(effect.dial);
        return;
      case 'sendConfirmation': {
        const { origin, bytes } = effect.confirming;
        return this.#deps.emit(answerTo(origin, bytes));
      }
      case 'removeSession':
        return sessions.removeAt(effect.localIndex, nowMs);
      case 'withholdSession':
        return sessions.withholdAt(effect.localIndex, nowMs);
      case 'retireSession':
        return sessions.retireAt(effect.localIndex, nowMs);
    }
  }

  /** See the header: whether a session of ours outranks one whose initiation came at `startedMs`. */
  #oursWins(startedMs: number): boolean {
    const { id, sessions } = this.#peer;
    if (id < this.#deps.ownId) return false;
    const ours = this.confirming === null ? sessions.active : sessions.find(this.confirming.localIndex);
    if (ours?.role !== 'initiator') return false;
    return ours.confirmedMs === null || ours.confirmedMs > startedMs;
  }
}
