/** Driver of the establishing machine of one peer (`establishing.ts`): keeps its state and carries out its effects. */
import type { MeshEffect } from '../mesh-io.js';
import type { Dialer, DialTarget } from './dial.js';
import { establishingPollAt, IDLE, stepEstablishing } from './establishing.js';
import type { Confirming, Establishing, EstablishingEffect, EstablishingEvent } from './establishing.js';
import type { PeerSessions } from './peer-sessions.js';

export interface SessionEstablisherDeps {
  readonly dialer: Dialer;
  readonly sessions: PeerSessions;
  emit(effect: MeshEffect): void;
  target(nowMs: number): DialTarget;
}

export class SessionEstablisher {
  readonly #deps: SessionEstablisherDeps;
  #now: Establishing = IDLE;

  constructor(deps: SessionEstablisherDeps) {
    this.#deps = deps;
  }

  /** The session that waits for the peer to use it, or null. */
  get confirming(): Confirming | null {
    return this.#now.state === 'confirming' ? this.#now.confirming : null;
  }

  handle(event: EstablishingEvent, nowMs: number): void {
    const { next, effects } = stepEstablishing(this.#now, event, nowMs);
    this.#now = next;
    for (const effect of effects) this.#carryOut(effect, nowMs);
  }

  pollAt(needed: boolean, nowMs: number): number | null {
    return establishingPollAt(this.#now, needed, nowMs);
  }

  #carryOut(effect: EstablishingEffect, nowMs: number): void {
    const { dialer, sessions } = this.#deps;
    switch (effect.type) {
      case 'dial': {
        const dial = dialer.tryNow(effect.dial, this.#deps.target(nowMs), nowMs);
        return this.handle({ type: 'dialed', dial }, nowMs);
      }
      case 'endDial':
        dialer.end(effect.dial);
        return;
      case 'sendConfirmation': {
        const { to, bytes } = effect.confirming;
        return this.#deps.emit({ type: 'sendDatagram', to, bytes });
      }
      case 'removeSession':
        return sessions.removeAt(effect.localIndex, nowMs);
      case 'retireSession':
        return sessions.retireAt(effect.localIndex, nowMs);
    }
  }
}
