/**
 * The sessions with one peer that our router holds: which is active, which waits for confirmation, which is retiring.
 *
 * ```
 *   install --> waiting --confirm/activate--> active --successor active--> retiring --30 s--> removed
 *   adopt ----------------------------------> active   (found in the router after a restart of this process)
 * ```
 * Invariant: as long as there is a usable session, exactly one is active. Secrets pass through and are not kept.
 */
import type { CipherName, SessionKeys } from '../../common/router-port.js';
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

/** The responder rekeys only if the initiator has not done so by then. */
const RESPONDER_REKEY_DELAY_MS = 30_000;
/** Rekeying is spread over this time, so that nodes that started together do not rekey together. */
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

export class PeerSessions {
  readonly #slots: SessionSlots;
  readonly #emit: (effect: MeshEffect) => void;
  /** Oldest first. Bounded by MAX_SESSIONS_PER_PEER: beyond it the oldest idle one goes. */
  #sessions: Session[] = [];
  #active: Session | null = null;

  constructor(slots: SessionSlots, emit: (effect: MeshEffect) => void) {
    this.#slots = slots;
    this.#emit = emit;
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

  /** Whether the router holds a session that came about since then. */
  hasNewerThan(sinceMs: number): boolean {
    return this.#sessions.some((session) => session.role !== 'adopted' && session.createdMs >= sinceMs);
  }

  /** Whether the peer is known to hold another session too. */
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
    this.#emit({ type: 'installSession', session: keys });
    this.#enforceBound();
    return session;
  }

  /** A session that the router still holds from before this process started. False when its slot is not usable. */
  adopt(localIndex: number, active: boolean, unitsSent: number, nowMs: number): boolean {
    if (!this.#slots.reserve(localIndex)) return false;
    const session: Session = {
      localIndex,
      role: 'adopted',
      cipher: null,
      createdMs: nowMs,
      rekeyAtMs: nowMs,
      confirmedMs: nowMs,
      retireAtMs: null,
      unitsSent,
    };
    this.#sessions.push(session);
    if (active) this.#active = session;
    this.#enforceBound();
    return true;
  }

  confirm(session: Session, nowMs: number): void {
    session.confirmedMs ??= nowMs;
  }

  activate(session: Session, nowMs: number): void {
    if (this.#active === session) return;
    session.retireAtMs = null;
    this.#active = session;
    for (const other of this.#sessions) if (other !== session) this.retire(other, nowMs);
    this.#emit({ type: 'activateSession', localIndex: session.localIndex });
  }

  /** Still opens for a while, then goes. */
  retire(session: Session, nowMs: number): void {
    session.retireAtMs ??= nowMs + RETIRE_AFTER_MS;
  }

  /** Removes a session; if it was active, the youngest confirmed one takes its place. */
  remove(session: Session, nowMs: number): void {
    this.#drop(session, true);
    if (this.#active !== null) return;
    const heir = this.#sessions.findLast((other) => other.confirmedMs !== null);
    if (heir !== undefined) this.activate(heir, nowMs);
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

  /** The router that held the sessions is gone, or says that it no longer has them. */
  forget(isGone: (session: Session) => boolean = () => true): void {
    for (const session of this.#sessions.filter(isGone)) this.#drop(session, false);
  }

  noteUnits(localIndex: number, unitsSent: number): void {
    const session = this.find(localIndex);
    if (session !== null) session.unitsSent = Math.max(session.unitsSent, unitsSent);
  }

  /** Removes what is retired or worn out. */
  expire(nowMs: number): void {
    for (const session of [...this.#sessions]) if (isOver(session, nowMs)) this.remove(session, nowMs);
  }

  /** Whether the active session should be replaced. */
  isRekeyDue(nowMs: number): boolean {
    if (this.#active === null) return false;
    return nowMs >= this.#active.rekeyAtMs || this.#active.unitsSent >= REKEY_AFTER_UNITS;
  }

  /** When {@link expire} has something to do next, or null. */
  pollAt(): number | null {
    const times = this.#sessions.map((session) => session.retireAtMs ?? session.createdMs + REFUSE_AFTER_MS);
    return times.length === 0 ? null : Math.min(...times);
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
    if (installed) this.#emit({ type: 'removeSession', localIndex: session.localIndex });
    this.#slots.release(session.localIndex);
  }
}

function isOver(session: Session, nowMs: number): boolean {
  if (session.retireAtMs !== null && nowMs >= session.retireAtMs) return true;
  return nowMs - session.createdMs >= REFUSE_AFTER_MS || session.unitsSent >= REFUSE_AFTER_UNITS;
}
