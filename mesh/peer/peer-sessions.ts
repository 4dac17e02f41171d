/**
 * Sessions with one peer that our router holds: the active one, those waiting for confirmation, those retiring.
 *
 * ```
 *   install --> waiting --confirm/activate--> active --successor active--> retiring --30 s--> removed
 *   adopt ----------------------------------> active   (found in the router after a restart of this process)
 * ```
 * Invariant: while there is a confirmed session, exactly one is active. Keys go to the router and are not kept.
 */
import type { CipherName, SessionKeys, SessionStatus } from '../../common/router-port.js';
import {
  MAX_SESSIONS_PER_PEER,
  REFUSE_AFTER_MS,
  REFUSE_AFTER_UNITS,
  REKEY_AFTER_MS,
  REKEY_AFTER_UNITS,
  RETIRE_AFTER_MS,
} from '../../common/protocol.js';
import type { MeshEffect } from '../mesh-io.js';
import type { SessionSlots } from '../handshake/session-slots.js';

/** Delay of the responder's rekey after the initiator's, which makes it unnecessary as a rule. */
const RESPONDER_REKEY_DELAY_MS = 30_000;
/** Range of the jitter that keeps nodes that started together from rekeying together. */
const REKEY_JITTER_MS = 10_000;

export type SessionRole = 'initiator' | 'responder' | 'adopted';

export interface Session {
  readonly localIndex: number;
  readonly role: SessionRole;
  readonly cipher: CipherName | null;
  readonly createdMs: number;
  readonly rekeyAtMs: number;
  confirmedMs: number | null;
  retireAtMs: number | null;
  unitsSent: number;
}

/** The same for all peers. */
export interface PeerSessionsDeps {
  readonly slots: SessionSlots;
  emit(effect: MeshEffect): void;
}

export class PeerSessions {
  readonly #deps: PeerSessionsDeps;
  /** Oldest first. Bounded by MAX_SESSIONS_PER_PEER: beyond it the oldest idle one goes. */
  #sessions: Session[] = [];
  #active: Session | null = null;

  constructor(deps: PeerSessionsDeps) {
    this.#deps = deps;
  }

  get active(): Session | null {
    return this.#active;
  }

  get count(): number {
    return this.#sessions.length;
  }

  find(localIndex: number): Session | null {
    return this.#sessions.find((session) => session.localIndex === localIndex) ?? null;
  }

  /** Whether a session was installed since then. */
  hasNewerThan(sinceMs: number): boolean {
    return this.#sessions.some((session) => session.role !== 'adopted' && session.createdMs >= sinceMs);
  }

  /** Whether the peer has confirmed another session than this one. */
  hasConfirmedBesides(localIndex: number): boolean {
    return this.#sessions.some((other) => other.localIndex !== localIndex && other.confirmedMs !== null);
  }

  /** @param jitter [0, 1) */
  install(keys: SessionKeys, role: 'initiator' | 'responder', jitter: number, nowMs: number): Session {
    const rekeyAfterMs = REKEY_AFTER_MS + (role === 'responder' ? RESPONDER_REKEY_DELAY_MS : 0);
    const session: Session = {
      localIndex: keys.localIndex,
      role,
      cipher: keys.cipher,
      createdMs: nowMs,
      rekeyAtMs: nowMs + rekeyAfterMs + jitter * REKEY_JITTER_MS,
      confirmedMs: role === 'responder' ? nowMs : null,
      retireAtMs: null,
      unitsSent: 0,
    };
    this.#sessions.push(session);
    this.#deps.emit({ type: 'installSession', session: keys });
    this.#enforceBound();
    return session;
  }

  /**
   * Takes over a session that the router holds from before this process started. One of unknown age is due at once. Null when its
   * slot is not usable.
   * @param jitter [0, 1)
   */
  adopt(status: SessionStatus, jitter: number, nowMs: number): Session | null {
    const { localIndex, active, unitsSent, ageMs = REKEY_AFTER_MS + REKEY_JITTER_MS, cipher = null } = status;
    if (!this.#deps.slots.reserve(localIndex)) return null;
    const createdMs = nowMs - ageMs;
    const session: Session = {
      localIndex,
      role: 'adopted',
      cipher,
      createdMs,
      rekeyAtMs: createdMs + REKEY_AFTER_MS + jitter * REKEY_JITTER_MS,
      confirmedMs: createdMs,
      retireAtMs: null,
      unitsSent,
    };
    this.#sessions.push(session);
    this.#sessions.sort((a, b) => a.createdMs - b.createdMs);
    if (active) this.#active = session;
    this.#retireOlder(nowMs);
    this.#enforceBound();
    return session;
  }

  confirm(session: Session, nowMs: number): void {
    session.confirmedMs ??= nowMs;
  }

  activate(session: Session, nowMs: number): void {
    if (this.#active === session) return;
    session.retireAtMs = null;
    this.#active = session;
    for (const other of this.#sessions) if (other !== session) this.retire(other, nowMs);
    this.#deps.emit({ type: 'activateSession', localIndex: session.localIndex });
  }

  /** An active session that the peer has not confirmed seals no more until it does; the youngest confirmed one takes its place. */
  withholdAt(localIndex: number, nowMs: number): void {
    const session = this.find(localIndex);
    if (session === null || session !== this.#active || session.confirmedMs !== null) return;
    const successor = this.#youngestConfirmed();
    if (successor !== undefined) return this.activate(successor, nowMs);
    this.#active = null;
    this.#deps.emit({ type: 'deactivateSession', localIndex });
  }

  /** The session opens datagrams for RETIRE_AFTER_MS more, then it is removed. */
  retire(session: Session, nowMs: number): void {
    session.retireAtMs ??= nowMs + RETIRE_AFTER_MS;
  }

  /** Removes a session; if it was active, the youngest confirmed one takes its place. */
  remove(session: Session, nowMs: number): void {
    this.#drop(session, true);
    if (this.#active !== null) return;
    const successor = this.#youngestConfirmed();
    if (successor !== undefined) this.activate(successor, nowMs);
  }

  /** False when there is no such session. */
  confirmAt(localIndex: number, nowMs: number): boolean {
    const session = this.find(localIndex);
    if (session !== null) this.confirm(session, nowMs);
    return session !== null;
  }

  removeAt(localIndex: number, nowMs: number): void {
    const session = this.find(localIndex);
    if (session !== null) this.remove(session, nowMs);
  }

  /** Retires the session unless it is active. */
  retireAt(localIndex: number, nowMs: number): void {
    const session = this.find(localIndex);
    if (session !== null && session !== this.#active) this.retire(session, nowMs);
  }

  removeAll(): void {
    for (const session of [...this.#sessions]) this.#drop(session, true);
  }

  /** Drops sessions that the router no longer has, without a command to remove them. */
  forget(isGone: (session: Session) => boolean = () => true): void {
    for (const session of this.#sessions.filter(isGone)) this.#drop(session, false);
  }

  noteUnits(localIndex: number, unitsSent: number): void {
    const session = this.find(localIndex);
    if (session !== null) session.unitsSent = Math.max(session.unitsSent, unitsSent);
  }

  /** Removes sessions whose retirement, age or number of units is over. */
  expire(nowMs: number): void {
    if (!this.#sessions.some((session) => isOver(session, nowMs))) return;
    for (const session of [...this.#sessions]) if (isOver(session, nowMs)) this.remove(session, nowMs);
  }

  /** Whether the active session should be replaced. */
  isRekeyDue(nowMs: number): boolean {
    if (this.#active === null) return false;
    // A handshake was interrupted by the restart of this process: the peer may have retired the active session already.
    if (this.#active.role === 'adopted' && this.#sessions.at(-1)!.createdMs > this.#active.createdMs) return true;
    return nowMs >= this.#active.rekeyAtMs || this.#active.unitsSent >= REKEY_AFTER_UNITS;
  }

  /** When {@link expire} has something to do next, Infinity for never. */
  pollAt(): number {
    let atMs = Infinity;
    for (const { retireAtMs, createdMs } of this.#sessions) {
      atMs = Math.min(atMs, retireAtMs ?? createdMs + REFUSE_AFTER_MS);
    }
    return atMs;
  }

  #youngestConfirmed(): Session | undefined {
    return this.#sessions.findLast((session) => session.confirmedMs !== null);
  }

  /** Retires what was installed before the active session. */
  #retireOlder(nowMs: number): void {
    if (this.#active === null) return;
    for (const other of this.#sessions) if (other.createdMs < this.#active.createdMs) this.retire(other, nowMs);
  }

  #enforceBound(): void {
    while (this.#sessions.length > MAX_SESSIONS_PER_PEER) {
      const idle = this.#sessions.find((session) => session !== this.#active);
      if (idle === undefined) return;
      this.#drop(idle, true);
    }
  }

  #drop(session: Session, installed: boolean): void {
    this.#sessions = this.#sessions.filter((other) => other !== session);
    if (this.#active === session) this.#active = null;
    if (installed) this.#deps.emit({ type: 'removeSession', localIndex: session.localIndex });
    this.#deps.slots.release(session.localIndex);
  }
}

function isOver(session: Session, nowMs: number): boolean {
  if (session.retireAtMs !== null && nowMs >= session.retireAtMs) return true;
  return nowMs - session.createdMs >= REFUSE_AFTER_MS || session.unitsSent >= REFUSE_AFTER_UNITS;
}
