/**
 * State machine of this node's handshake with one peer, from the need for a session until the peer uses it. Pure:
 * `session-establisher.ts` carries out the effects.
 *
 * ```
 *           tick, if needed             responded
 *    idle ------------------> dialing -------------> confirming
 *     ^                        |   ^                   |    |
 *     +- not needed, accepted -+   +- not confirmed ---+    |
 *     +- confirmed, accepted unless ours wins --------------+
 *
 *    From every state: responded -> confirming; linkDown, routerReplaced -> dialing; stopped -> idle.
 * ```
 *
 * While confirming, the confirmation is repeated until something sealed with the new session arrives: no message of the
 * handshake acknowledges it.
 */
import {
  CONFIRM_RETRY_MS,
  CONFIRM_WITHIN_MS,
  CONFIRM_YIELD_MS,
  EARLY_FRAMES_MS,
  MAX_CONFIRM_RETRY_MS,
} from '../limits.js';
import type { Origin } from '../origin.js';
import { dialAt, hurried, restarted } from './dial.js';
import type { Dial } from './dial.js';

export type Establishing =
  /** No handshake is in progress on our side. */
  | { readonly state: 'idle' }
  /** Initiations are sent until the peer responds. */
  | { readonly state: 'dialing'; readonly dial: Dial }
  /** The peer has responded. `dial` is where dialling goes on if it does not confirm. */
  | { readonly state: 'confirming'; readonly confirming: Confirming; readonly repeat: Repeat; readonly dial: Dial };

/** A session that waits for the peer to use it. */
export interface Confirming {
  /** Our index of the session. */
  readonly localIndex: number;
  /** The confirmation datagram. */
  readonly bytes: Uint8Array;
  /** Of the response. */
  readonly origin: Origin;
  /** There was no other session, so whatever the peer sends shows that it has this one. */
  readonly firstContact: boolean;
}

export interface Repeat {
  readonly startedMs: number;
  readonly waitMs: number;
  readonly nextMs: number;
}

export type EstablishingEvent =
  | {
      readonly type: 'tick';
      /** A new session is needed. */
      readonly needed: boolean;
      /** How long the peer is given to dial first. */
      readonly yieldMs: number;
      /** The peer has confirmed another session than the one being confirmed. */
      readonly hasOther: boolean;
    }
  /** The effect `dial` was carried out. */
  | { readonly type: 'dialed'; readonly dial: Dial }
  /** The peer responded, and the session is installed. */
  | { readonly type: 'responded'; readonly confirming: Confirming }
  /** The peer uses the session that is being confirmed. */
  | { readonly type: 'confirmed' }
  /** A handshake that the peer initiated has finished. `oursWins`: the session being confirmed outranks it. */
  | { readonly type: 'accepted'; readonly oursWins: boolean }
  /** The chance of a response has risen: try at once, back-off started over. */
  | { readonly type: 'restart' }
  /** Try at once; the back-off goes on. */
  | { readonly type: 'hurry' }
  /** The handshakes in progress were dropped with the keys they were made with. */
  | { readonly type: 'secretReplaced' }
  /** The router lost all sessions: dial from `dialAtMs` on, with null when the next try is due. */
  | { readonly type: 'routerReplaced'; readonly dialAtMs: number | null }
  /** The router no longer has the session that is being confirmed. */
  | { readonly type: 'sessionLost' }
  /** The link went down, and all sessions were removed. */
  | { readonly type: 'linkDown' }
  /** The peer is forgotten. */
  | { readonly type: 'stopped' };

export type EstablishingEffect =
  /** Make a try; its outcome comes back as `dialed`. */
  | { readonly type: 'dial'; readonly dial: Dial }
  /** Drop the handshake of this dial. */
  | { readonly type: 'endDial'; readonly dial: Dial }
  | { readonly type: 'sendConfirmation'; readonly confirming: Confirming }
  /** Frames wait again until the peer uses the session. */
  | { readonly type: 'withholdSession'; readonly localIndex: number }
  | { readonly type: 'removeSession'; readonly localIndex: number }
  /** Let the session open datagrams for a while longer. */
  | { readonly type: 'retireSession'; readonly localIndex: number };

export interface EstablishingStep {
  readonly next: Establishing;
  readonly effects: readonly EstablishingEffect[];
}

export const IDLE: Establishing = { state: 'idle' };

export function stepEstablishing(current: Establishing, event: EstablishingEvent, nowMs: number): EstablishingStep {
  switch (event.type) {
    case 'tick':
      return tick(current, event, nowMs);
    case 'dialed':
      return current.state === 'dialing'
        ? to({ state: 'dialing', dial: event.dial })
        : to(current, ...ended(event.dial));
    case 'responded':
      return responded(current, event.confirming, nowMs);
    case 'confirmed':
      return to(current.state === 'confirming' ? IDLE : current);
    case 'accepted':
      return accepted(current, event.oursWins, nowMs);
    case 'restart':
      return to(current.state === 'idle' ? current : { ...current, dial: restarted(current.dial, nowMs) });
    case 'hurry':
      return to(current.state === 'idle' ? current : { ...current, dial: hurried(current.dial, nowMs) });
    case 'secretReplaced':
      return current.state === 'idle' ? to(current) : to({ ...current, dial: dialAt(nowMs) }, ...ended(current.dial));
    case 'routerReplaced':
      return routerReplaced(current, event.dialAtMs, nowMs);
    case 'sessionLost':
      return to(current.state === 'confirming' ? { state: 'dialing', dial: current.dial } : current);
    case 'linkDown':
      return to({ state: 'dialing', dial: current.state === 'idle' ? dialAt(nowMs) : hurried(current.dial, nowMs) });
    case 'stopped':
      return to(IDLE, ...(current.state === 'idle' ? [] : ended(current.dial)));
  }
}

/** When a tick has something to do, or null. */
export function establishingPollAt(current: Establishing, needed: boolean, nowMs: number): number | null {
  switch (current.state) {
    case 'idle':
      return needed ? nowMs : null;
    case 'dialing':
      return current.dial.nextMs;
    case 'confirming':
      return current.repeat.nextMs;
  }
}

function routerReplaced(current: Establishing, dialAtMs: number | null, nowMs: number): EstablishingStep {
  if (current.state === 'idle') return to({ state: 'dialing', dial: dialAt(dialAtMs ?? nowMs) });
  const dial = dialAtMs === null ? { ...current.dial, handshake: null } : dialAt(dialAtMs);
  return to({ state: 'dialing', dial }, ...ended(current.dial));
}

function to(next: Establishing, ...effects: readonly EstablishingEffect[]): EstablishingStep {
  return { next, effects };
}

function ended(dial: Dial): EstablishingEffect[] {
  return dial.handshake === null ? [] : [{ type: 'endDial', dial }];
}

function tick(
  current: Establishing,
  { needed, yieldMs, hasOther }: Extract<EstablishingEvent, { type: 'tick' }>,
  nowMs: number,
): EstablishingStep {
  if (current.state === 'confirming') return tickConfirming(current, hasOther, nowMs);
  if (!needed) return current.state === 'idle' ? to(current) : to(IDLE, ...ended(current.dial));
  const dialing: Establishing =
    current.state === 'dialing' ? current : { state: 'dialing', dial: dialAt(nowMs + yieldMs) };
  return nowMs < dialing.dial.nextMs ? to(dialing) : to(dialing, { type: 'dial', dial: dialing.dial });
}

function tickConfirming(
  current: Extract<Establishing, { state: 'confirming' }>,
  hasOther: boolean,
  nowMs: number,
): EstablishingStep {
  const { confirming, repeat, dial } = current;
  const withinMs = hasOther && confirming.firstContact ? CONFIRM_YIELD_MS : CONFIRM_WITHIN_MS;
  if (nowMs - repeat.startedMs >= withinMs) {
    return to({ state: 'dialing', dial }, { type: 'removeSession', localIndex: confirming.localIndex });
  }
  if (nowMs < repeat.nextMs) return to(current);
  const waitMs = Math.min(MAX_CONFIRM_RETRY_MS, repeat.waitMs * 2);
  const next = { ...repeat, waitMs, nextMs: nowMs + waitMs };
  const effects: EstablishingEffect[] = [{ type: 'sendConfirmation', confirming }];
  if (nowMs - repeat.startedMs >= EARLY_FRAMES_MS)
    effects.push({ type: 'withholdSession', localIndex: confirming.localIndex });
  return to({ ...current, repeat: next }, ...effects);
}

function responded(current: Establishing, confirming: Confirming, nowMs: number): EstablishingStep {
  const dial = current.state === 'idle' ? dialAt(nowMs) : current.dial;
  const repeat = { startedMs: nowMs, waitMs: CONFIRM_RETRY_MS, nextMs: nowMs + CONFIRM_RETRY_MS };
  const effects = [...ended(dial), ...retiredBy(current), { type: 'sendConfirmation', confirming } as const];
  return to({ state: 'confirming', confirming, repeat, dial: { ...dial, handshake: null } }, ...effects);
}

function accepted(current: Establishing, oursWins: boolean, nowMs: number): EstablishingStep {
  if (current.state === 'idle') return to(current);
  if (current.state === 'confirming' && oursWins)
    return to({ ...current, dial: dialAt(nowMs) }, ...ended(current.dial));
  return to(IDLE, ...ended(current.dial), ...retiredBy(current));
}

/** A session that is no longer confirmed may still carry what the peer has sealed with it. */
function retiredBy(current: Establishing): EstablishingEffect[] {
  return current.state === 'confirming' ? [{ type: 'retireSession', localIndex: current.confirming.localIndex }] : [];
}
