/**
 * State of one session in one forwarding thread, as a router passes it to the one that follows (ADR 0037). It holds keys: it is
 * never logged, and overwritten where it was used.
 */
import type { SessionKeys } from '../../common/router-port.js';

/** Receive context: a sender's lane of the session. */
export interface ReceiveState {
  readonly lane: number;
  /** Highest counter opened, -1 for none. Lower ones are refused from now on. */
  readonly highest: number;
  readonly unitsOpened: number;
  readonly datagramsOpened: number;
}

export interface SessionState extends SessionKeys {
  /** Whether the thread seals with it. */
  readonly active: boolean;
  readonly confirmed: boolean;
  readonly ageMs: number;
  /** Of the next unit of this thread's lane; the thread that says so seals none any more. */
  readonly nextCounter: number;
  readonly receiving: readonly ReceiveState[];
}

export function eraseKeys({ sendKey, receiveKey }: Pick<SessionKeys, 'sendKey' | 'receiveKey'>): void {
  sendKey.fill(0);
  receiveKey.fill(0);
}
