/**
 * Messages about relays (ADR 0044), control messages 13 to 18. The first four pass between an end of a pair and a node that may
 * relay, the last one between the two ends.
 *
 * ```
 *   relayQuery   [13, 1, target id, may link]                       can you relay between me and the target?
 *   relayOffer   [14, 1, target id, answer code, round trip us, via] the answer; the round trip is 0 unless it is yes
 *   relayOpen    [15, 1, target id, channel, token]                 open the pair; send to me in this channel
 *   relayOpened  [16, 1, peer id, channel, token, complete]         send in this channel for the peer; not complete: open it too
 *   relayClosed  [17, 1, peer id, reason code]                      the channel is closed, or no longer needed
 *   relayUsed    [18, 1, relay id or nil]                           I send to you through this relay, or directly again
 * ```
 */
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { NodeId } from '../../common/node-id.js';
import type { RelayChannel } from '../../common/router-port.js';
import { TOKEN_BYTES } from '../../common/wire/relay-envelope.js';
import { Bytes, bytesOfId, Count, Fields, Id, idOf } from './wire-schema.js';

/** `connecting`: there will be a link to the target in a moment. Append-only. */
export const RELAY_ANSWERS = ['yes', 'noLink', 'noRoom', 'connecting', 'off'] as const;
export type RelayAnswer = (typeof RELAY_ANSWERS)[number];

/** `direct`: the ends meet. `idle`: no datagram for long. `gone`: no direct link to the other end. Append-only. */
export const RELAY_ENDS = ['direct', 'idle', 'gone', 'noRoom'] as const;
export type RelayEndReason = (typeof RELAY_ENDS)[number];

export interface RelayOffer {
  readonly type: 'relayOffer';
  readonly target: NodeId;
  readonly answer: RelayAnswer;
  /** Between the relay and the target. */
  readonly roundTripUs: number;
  /** A relay that reaches peers of the sender, which does not relay itself; null, or left out by an older version: none. */
  readonly via: NodeId | null;
}

export type RelayMessage =
  /** `mayLink`: a relay without a link to the target may make one. */
  | { readonly type: 'relayQuery'; readonly target: NodeId; readonly mayLink: boolean }
  | RelayOffer
  | { readonly type: 'relayOpen'; readonly target: NodeId; readonly channel: RelayChannel }
  | {
      readonly type: 'relayOpened';
      readonly peer: NodeId;
      readonly channel: RelayChannel;
      /** Both ends have said their channels. */
      readonly isComplete: boolean;
    }
  | { readonly type: 'relayClosed'; readonly peer: NodeId; readonly reason: RelayEndReason }
  | { readonly type: 'relayUsed'; readonly relay: NodeId | null };

export const RELAY_TYPES = {
  relayQuery: 13,
  relayOffer: 14,
  relayOpen: 15,
  relayOpened: 16,
  relayClosed: 17,
  relayUsed: 18,
} as const;

const MAX_U32 = 0xffff_ffff;

const Channel = Type.Integer({ minimum: 1, maximum: MAX_U32 });
const Query = Compile(Fields(Count(), Count(), Id, Type.Boolean()));
const Offer = Compile(Fields(Count(), Count(), Id, Count(), Count(MAX_U32)));
const OfferVia = Compile(Fields(Count(), Count(), Id, Count(), Count(), Id));
const Open = Compile(Fields(Count(), Count(), Id, Channel, Bytes(TOKEN_BYTES)));
const Opened = Compile(Fields(Count(), Count(), Id, Channel, Bytes(TOKEN_BYTES), Type.Boolean()));
const Closed = Compile(Fields(Count(), Count(), Id, Count()));
const Used = Compile(Fields(Count(), Count(), Type.Union([Id, Type.Null()])));

export function isRelayMessage(message: { readonly type: string }): message is RelayMessage {
  return message.type in RELAY_TYPES;
}

/** The fields behind type and version. */
export function relayFields(message: RelayMessage): unknown[] {
  switch (message.type) {
    case 'relayQuery':
      return [bytesOfId(message.target), message.mayLink];
    case 'relayOffer':
      return [
        bytesOfId(message.target),
        RELAY_ANSWERS.indexOf(message.answer),
        message.roundTripUs,
        ...(message.via === null ? [] : [bytesOfId(message.via)]),
      ];
    case 'relayOpen':
      return [bytesOfId(message.target), message.channel.channel, message.channel.token];
    case 'relayOpened':
      return [bytesOfId(message.peer), message.channel.channel, message.channel.token, message.isComplete];
    case 'relayClosed':
      return [bytesOfId(message.peer), RELAY_ENDS.indexOf(message.reason)];
    case 'relayUsed':
      return [message.relay === null ? null : bytesOfId(message.relay)];
  }
}

/**
 * Reads the whole array of a message of a type in {@link RELAY_TYPES}; null when a field has another type or is out of range. An
 * answer or a reason of a later version counts as no, and as gone.
 */
export function readRelayMessage(type: keyof typeof RELAY_TYPES, message: unknown): RelayMessage | null {
  switch (type) {
    case 'relayQuery':
      return Query.Check(message) ? { type, target: idOf(message[2]), mayLink: message[3] } : null;
    case 'relayOffer': {
      if (!Offer.Check(message)) return null;
      const [, , target, answer, roundTripUs] = message;
      const via = OfferVia.Check(message) ? idOf(message[5]) : null;
      return { type, target: idOf(target), answer: RELAY_ANSWERS[answer] ?? 'off', roundTripUs, via };
    }
    case 'relayOpen': {
      if (!Open.Check(message)) return null;
      const [, , target, channel, token] = message;
      return { type, target: idOf(target), channel: { channel, token } };
    }
    case 'relayOpened': {
      if (!Opened.Check(message)) return null;
      const [, , peer, channel, token, isComplete] = message;
      return { type, peer: idOf(peer), channel: { channel, token }, isComplete };
    }
    case 'relayClosed':
      return Closed.Check(message) ? { type, peer: idOf(message[2]), reason: RELAY_ENDS[message[3]] ?? 'gone' } : null;
    case 'relayUsed':
      return Used.Check(message) ? { type, relay: message[2] === null ? null : idOf(message[2]) } : null;
  }
}

/** The message in words, for logs of tests. */
export function describeRelayMessage(message: RelayMessage): string {
  switch (message.type) {
    case 'relayQuery':
      return `query for a relay to ${message.target}`;
    case 'relayOffer':
      return `offer to relay to ${message.target}: ${message.answer}`;
    case 'relayOpen':
      return `open a relay to ${message.target}`;
    case 'relayOpened':
      return `relay to ${message.peer} is open${message.isComplete ? '' : ' at one end'}`;
    case 'relayClosed':
      return `relay to ${message.peer} is closed: ${message.reason}`;
    case 'relayUsed':
      return message.relay === null ? 'sends directly' : `sends through ${message.relay}`;
  }
}
