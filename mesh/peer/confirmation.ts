/**
 * Retransmission of an initiator's confirmation: no message acknowledges it, so it is repeated until something sealed
 * with the new session arrives.
 */
import type { SocketAddress } from '../../common/address/socket-address.js';
import { CONFIRM_RETRY_MS, CONFIRM_WITHIN_MS, MAX_CONFIRM_RETRY_MS } from '../limits.js';
import type { Session } from './peer-sessions.js';

/** An active session that stays unconfirmed this long makes way for one that the peer confirmed. */
const YIELD_AFTER_MS = 2_000;

export class Confirmation {
  readonly session: Session;
  /** The confirmation's bytes. */
  readonly datagram: Uint8Array;
  readonly to: SocketAddress;
  /** There was no other session, so whatever the peer sends confirms this one. */
  readonly firstContact: boolean;
  readonly #begunMs: number;
  #waitMs = CONFIRM_RETRY_MS;
  #nextMs: number;

  constructor(session: Session, datagram: Uint8Array, to: SocketAddress, firstContact: boolean, nowMs: number) {
    this.session = session;
    this.datagram = datagram;
    this.to = to;
    this.firstContact = firstContact;
    this.#begunMs = nowMs;
    this.#nextMs = nowMs + this.#waitMs;
  }

  get nextMs(): number {
    return this.#nextMs;
  }

  /** @param hasOther whether the peer has confirmed another session */
  isOver(hasOther: boolean, nowMs: number): boolean {
    return nowMs - this.#begunMs >= (hasOther && this.firstContact ? YIELD_AFTER_MS : CONFIRM_WITHIN_MS);
  }

  repeated(nowMs: number): void {
    this.#waitMs = Math.min(MAX_CONFIRM_RETRY_MS, this.#waitMs * 2);
    this.#nextMs = nowMs + this.#waitMs;
  }
}
