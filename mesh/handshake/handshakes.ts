/**
 * Handshakes in progress, of both roles, keyed by our session index. Datagrams in, outcomes out; `handshake-outcomes.ts`
 * applies an outcome to the peers.
 *
 * ```
 *   initiation:   MAC -> not our own -> a repeated one gets the same response -> rate -> not crossed -> gate -> response
 *   response:     MAC -> initiator handshake of its index -> read -> expected peer -> confirmation
 *   confirmation: MAC -> responder handshake of its index -> read -> established
 *   cookie:       initiator handshake of its index -> MAC over our initiation's MAC -> kept, initiation sent again, after the wait
 * ```
 *
 * When the initiations of two nodes cross, the one of the node with the lower id is responded to, and the other is dropped. It
 * comes again when the response to the first is lost, and is responded to after CROSSING_MS.
 */
import { HandshakeError } from '../../common/errors.js';
import type { NodeId } from '../../common/node-id.js';
import type { SessionKeys } from '../../common/router-port.js';
import { formatSocketAddress } from '../../common/address/socket-address.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { earlier } from '../deadlines.js';
import type { Advert } from '../wire/advert.js';
import { BoundedMap } from '../../common/bounded-map.js';
import { macsEqual } from '../../common/wire/handshake-mac.js';
import { checkCookie, cookieIndex, encodeCookie, openCookie } from '../../common/wire/cookie-datagram.js';
import { InitiatorHandshake, ReceivedInitiation } from './handshake.js';
import type { HandshakeDeps, PeerHello, ResponderHandshake } from './handshake.js';
import { TYPE_INITIATION, TYPE_RESPONSE } from '../../common/wire/datagram-header.js';
import { readHandshake, withCookie } from '../../common/wire/handshake-datagram.js';
import type { HandshakeDatagram } from '../../common/wire/handshake-datagram.js';
import { refusalOf } from './handshake-refusal.js';
import type { HandshakeRefusal } from './handshake-refusal.js';
import { HandshakeBudget } from './handshake-budget.js';
import { HandshakeGate } from './handshake-gate.js';
import type { Arrival } from './handshake-gate.js';
import type { InitiationStamps } from './initiation-stamps.js';
import {
  COOKIE_USE_MS,
  CROSSING_MS,
  HANDSHAKE_LIFETIME_MS,
  MAX_COOKIES,
  MAX_DIALED_ADDRESSES,
  MAX_HERD_WAIT_MS,
  MAX_PENDING_RESPONSES,
  READ_PER_SECOND,
} from '../limits.js';
import type { Origin } from '../origin.js';
import type { SessionSlots } from './session-slots.js';
import type { ClusterKeys } from '../wire/cluster-keys.js';
import { EARLY_FRAMES } from '../wire/handshake-payload.js';
import type { ClusterSecrets } from '../wire/cluster-secrets.js';
import { SharedSecrets } from './shared-secrets.js';

export interface HandshakesDeps extends Omit<HandshakeDeps, 'keys'> {
  readonly clusterSecrets: ClusterSecrets;
  readonly stamps: InitiationStamps;
  /** Addresses at which members are, as text, each with its port and without. */
  memberAddresses(): ReadonlySet<string>;
  /** Whether the address stands for a channel of a relay with this member. */
  isWayTo(address: SocketAddress, id: NodeId): boolean;
}

/** The node that a handshake is started with. */
export interface HandshakeTarget {
  /** Whether this node may be the responder. */
  readonly expects: (peer: NodeId) => boolean;
  /** Its static key; null when any node may be at the address. */
  readonly staticKey: Uint8Array | null;
  /** Cluster secrets that it has by its advert; null where that is unknown. */
  readonly secretIds: readonly string[] | null;
  /** How many handshakes of this dial got no response. */
  readonly turn: number;
  /** The node was not dialled lately: its own initiation may cross this one. */
  readonly mayCross: boolean;
  readonly framesWait: boolean;
}

export type HandshakeOutcome =
  | {
      readonly type: 'refused';
      readonly reason: HandshakeRefusal;
      readonly reply: Uint8Array | null;
      /** What was found and expected, if the sender knows the cluster secret; else null. */
      readonly detail: string | null;
    }
  | { readonly type: 'reply'; readonly reply: Uint8Array }
  /** Our response to an initiation, to send; `localIndex` is of the session that follows if the peer confirms. */
  | { readonly type: 'responds'; readonly reply: Uint8Array; readonly localIndex: number }
  /** The responder told our initiation to wait: {@link Handshakes.takeDue} sends it then. */
  | { readonly type: 'waits' }
  /** An expected peer responded to our initiation; `confirmation` is the datagram to send. */
  | {
      readonly type: 'responded';
      readonly advert: Advert;
      readonly session: SessionKeys;
      readonly confirmation: Uint8Array;
      /** The peer keeps data that follows the confirmation at once. */
      readonly keepsEarly: boolean;
      readonly startedMs: number;
    }
  /** An authentic peer responded that the initiation was not meant for; our handshake still waits. */
  | { readonly type: 'unexpectedPeer'; readonly advert: Advert; readonly localIndex: number }
  /** The peer confirmed a handshake that it initiated. */
  | { readonly type: 'confirmed'; readonly advert: Advert; readonly session: SessionKeys; readonly startedMs: number }
  /** A confirmation arrived again: the peer does not know yet that the first one did. */
  | { readonly type: 'confirmedAgain'; readonly peer: NodeId };

/** How a handshake ended, for messages of it that arrive later. */
export type HandshakeEnd = 'expired' | 'superseded' | 'duplicateResponse';

interface PendingInitiator {
  readonly keys: ClusterKeys;
  readonly handshake: InitiatorHandshake;
  readonly startedMs: number;
  readonly expects: HandshakeTarget['expects'];
  readonly isForOne: boolean;
  /** The initiation has no proof: any node could respond to it. */
  readonly isOpen: boolean;
  readonly mayCross: boolean;
  /** Addresses that the initiation went to: cookies of others are refused. Bounded by MAX_DIALED_ADDRESSES. */
  readonly sentTo: BoundedMap<string, true>;
  /** When the initiation goes out again, and where to: the responder said so. */
  again: InitiationAgain | null;
}

interface InitiationAgain {
  /** Of the cookie. */
  readonly origin: Origin;
  readonly atMs: number;
}

interface PendingResponder {
  readonly handshake: ResponderHandshake;
  readonly startedMs: number;
  readonly initiationMac: string;
  /** The address that the response went to first. */
  readonly from: string;
}

interface KeptCookie {
  readonly origin: Origin;
  readonly cookie: Uint8Array;
  readonly untilMs: number;
  /** Nothing is sent to its address before. */
  readonly notBeforeMs: number;
}

const TOO_OFTEN = `more than ${READ_PER_SECOND} initiations a second come from one address`;

export class Handshakes {
  readonly #deps: HandshakesDeps;
  readonly #slots: SessionSlots;
  readonly #gate: HandshakeGate;
  readonly #secrets: SharedSecrets;
  readonly #budget: HandshakeBudget;
  /** Handshakes that this node initiated. Bounded by the session slots. */
  readonly #initiators = new Map<number, PendingInitiator>();
  /** Handshakes that peers initiated. Bounded by MAX_PENDING_RESPONSES. */
  readonly #responders = new Map<number, PendingResponder>();
  /** Our index in `#responders` by the MAC of the initiation, in hex. Bounded as `#responders` is. */
  readonly #responderByMac = new Map<string, number>();
  /** Peers whose confirmation arrived, by our index: a repeated one is recognized. Bounded by MAX_PENDING_RESPONSES. */
  readonly #confirmed = new BoundedMap<number, NodeId>(MAX_PENDING_RESPONSES);
  /** How other handshakes ended, by our index. Bounded by MAX_PENDING_RESPONSES. */
  readonly #ended = new BoundedMap<number, HandshakeEnd>(MAX_PENDING_RESPONSES);
  /** Cookies of responders, by their address. Bounded by MAX_COOKIES. */
  readonly #cookies = new BoundedMap<string, KeptCookie>(MAX_COOKIES);
  /** When the first initiation that waits is due; earlier when its handshake has ended since. */
  #againMs = Infinity;
  /** Of open initiations, those without a proof: the stamp of the last one, and the lowest that the own advert does not void. */
  #lastOpenStamp = 0;
  #lowestStamp = 0;

  constructor(deps: HandshakesDeps, slots: SessionSlots) {
    this.#deps = deps;
    this.#slots = slots;
    this.#secrets = new SharedSecrets(deps.identity.noiseKeys.privateKey);
    const { random, stamps, identity } = deps;
    this.#budget = new HandshakeBudget(random);
    const member = (id: NodeId): Advert | undefined => deps.member(id);
    this.#gate = new HandshakeGate({
      ownId: identity.id,
      random,
      stamps,
      secrets: this.#secrets,
      budget: this.#budget,
      member,
      memberAddresses: () => deps.memberAddresses(),
      isWayTo: (address, id) => deps.isWayTo(address, id),
    });
  }

  get pendingCount(): number {
    return this.#initiators.size + this.#responders.size;
  }

  /** Starts a handshake and returns its session index, or null when no slot is free. */
  start({ expects, staticKey, secretIds, turn, mayCross, framesWait }: HandshakeTarget, nowMs: number): number | null {
    const localIndex = this.#slots.allocate();
    if (localIndex === null) return null;
    const shared = staticKey === null ? null : this.#secrets.with(staticKey);
    const { clusterSecrets, stamps } = this.#deps;
    const keys = clusterSecrets.forInitiation(secretIds, turn);
    const start = { stamp: stamps.next(nowMs), shared, framesWait };
    const isOpen = shared === null;
    if (isOpen) this.#lastOpenStamp = start.stamp;
    const handshake = new InitiatorHandshake({ ...this.#deps, keys }, localIndex, start);
    const sentTo = new BoundedMap<string, true>(MAX_DIALED_ADDRESSES);
    const isForOne = staticKey !== null;
    const pending = { keys, handshake, startedMs: nowMs, expects, isForOne, isOpen, mayCross, sentTo, again: null };
    this.#initiators.set(localIndex, pending);
    return localIndex;
  }

  /** For a new advert: the lowest stamp. Open initiations that were made before are replays to who knows the advert. */
  voidOpen(): number {
    this.#lowestStamp = this.#deps.stamps.last + 1;
    return this.#lowestStamp;
  }

  /** Whether there was an open initiation that no advert of this node voids. */
  get hasOpen(): boolean {
    return this.#lastOpenStamp >= this.#lowestStamp;
  }

  /** Whether members refuse the initiation of this handshake, since they know the advert. */
  isVoid(localIndex: number): boolean {
    const pending = this.#initiators.get(localIndex);
    return pending !== undefined && pending.isOpen && pending.handshake.stamp < this.#lowestStamp;
  }

  /** The initiation for this address, with its cookie if there is one; null when the handshake is over, or is to wait. */
  initiationFor(localIndex: number, to: SocketAddress, nowMs: number): Uint8Array | null {
    const pending = this.#initiators.get(localIndex);
    if (pending === undefined) return null;
    const { initiation } = pending.handshake;
    const address = formatSocketAddress(to);
    pending.sentTo.set(address, true);
    const kept = this.#cookies.get(address);
    if (kept !== undefined && nowMs < kept.notBeforeMs) {
      this.#wait(pending, kept.origin, kept.notBeforeMs);
      return null;
    }
    return kept !== undefined && nowMs < kept.untilMs ? withCookie(initiation, kept.cookie) : initiation;
  }

  /** Drops a handshake that this node initiated and frees its slot. */
  cancel(localIndex: number, end: 'expired' | 'superseded'): void {
    if (!this.#initiators.delete(localIndex)) return;
    this.#ended.set(localIndex, end);
    this.#slots.release(localIndex);
  }

  /** Drops all handshakes in progress: their router or their secret is gone. */
  clear(): void {
    for (const localIndex of [...this.#initiators.keys()]) this.cancel(localIndex, 'superseded');
    for (const localIndex of [...this.#responders.keys()]) this.#endResponder(localIndex, 'superseded');
  }

  /** Drops responder handshakes whose confirmation did not arrive in time. */
  expire(nowMs: number): void {
    for (const [localIndex, { startedMs }] of this.#responders) {
      if (nowMs - startedMs >= HANDSHAKE_LIFETIME_MS) this.#endResponder(localIndex, 'expired');
    }
  }

  /** Initiations that have waited as long as their responders said. */
  takeDue(nowMs: number): { readonly origin: Origin; readonly bytes: Uint8Array }[] {
    if (nowMs < this.#againMs) return [];
    const due = [];
    this.#againMs = Infinity;
    for (const [localIndex, pending] of this.#initiators) {
      const { again } = pending;
      if (again === null) continue;
      if (again.atMs > nowMs) {
        this.#againMs = Math.min(this.#againMs, again.atMs);
        continue;
      }
      pending.again = null;
      const { origin } = again;
      const bytes = this.initiationFor(localIndex, origin.from, nowMs);
      if (bytes !== null) due.push({ origin, bytes });
    }
    return due;
  }

  /** When {@link expire} or {@link takeDue} has something to do next. */
  pollAt(): number | null {
    const [oldest] = this.#responders.values();
    return earlier(oldest === undefined ? null : oldest.startedMs + HANDSHAKE_LIFETIME_MS, this.#againMs);
  }

  /** Never throws, whatever the bytes are. @param local see {@link Origin} */
  receive(bytes: Uint8Array, from: SocketAddress, nowMs: number, local: IpAddress | null = null): HandshakeOutcome {
    if (checkCookie(bytes)) return this.#receiveCookie(bytes, { from, local }, nowMs);
    const datagram = readHandshake(bytes);
    if (datagram === null) return refused('malformed');
    const keys = this.#deps.clusterSecrets.authenticating(bytes);
    if (keys === null) return refused('badMac');
    try {
      if (datagram.type === TYPE_INITIATION) return this.#receiveInitiation(keys, datagram, { bytes, from, nowMs });
      if (datagram.type === TYPE_RESPONSE) return this.#receiveResponse(keys, datagram);
      return this.#receiveConfirmation(datagram);
    } catch (thrown) {
      if (!(thrown instanceof HandshakeError)) throw thrown;
      return refused(refusalOf(thrown.failure, datagram.type), null, thrown.message);
    }
  }

  #receiveInitiation(keys: ClusterKeys, datagram: HandshakeDatagram, arrival: Arrival): HandshakeOutcome {
    const own = this.#initiators.get(datagram.senderIndex)?.handshake.initiation;
    if (own !== undefined && macsEqual(datagram.mac, readHandshake(own)!.mac)) return refused('ownInitiation');
    const { from, nowMs } = arrival;
    const mac = Buffer.from(datagram.mac).toString('hex');
    const pending = this.#responders.get(this.#responderByMac.get(mac) ?? -1);
    if (pending !== undefined) return this.#respondAgain(pending, arrival);
    if (this.#gate.hasSeen(mac)) return refused('replayed');
    const reading = this.#gate.reading(arrival);
    if (reading === 'tooOften') return refused('rateLimited', this.#askForCookie(keys, datagram, arrival), TOO_OFTEN);
    if (reading === 'underLoad') return refused('underLoad', this.#askForCookie(keys, datagram, arrival));
    const received = new ReceivedInitiation({ ...this.#deps, keys }, datagram);
    if (this.#isCrossed(received.hello.id, arrival)) return refused('crossed');
    const admission = this.#gate.admit(received, mac, arrival);
    if (admission.verdict === 'pass') return this.#respond(received, mac, admission.isProven, arrival);
    if (admission.verdict === 'needsCookie') {
      const cookie = this.#askForCookie(keys, datagram, arrival);
      return refused(cookie === null ? 'underLoad' : 'needsCookie', cookie);
    }
    if (admission.verdict !== 'mustWait') return refused(admission.verdict);
    const cookie = this.#gate.cookieFor(from, nowMs);
    return refused('mustWait', encodeCookie(datagram.senderIndex, cookie, datagram.mac, keys, admission.waitMs));
  }

  /** Null beyond the rate of such cookies. */
  #askForCookie(keys: ClusterKeys, { senderIndex, mac }: HandshakeDatagram, arrival: Arrival): Uint8Array | null {
    const cookie = this.#gate.cookieToSend(arrival);
    return cookie === null ? null : encodeCookie(senderIndex, cookie, mac, keys);
  }

  /** Whether the sender is about to respond to an initiation of this node, which wins. */
  #isCrossed(id: NodeId, { from, nowMs }: Arrival): boolean {
    if (id < this.#deps.identity.id) return false;
    const address = formatSocketAddress(from);
    for (const { mayCross, startedMs, expects, isForOne, sentTo } of this.#initiators.values()) {
      if (!mayCross || nowMs - startedMs >= CROSSING_MS || !expects(id)) continue;
      if (isForOne || sentTo.has(address)) return true;
    }
    return false;
  }

  #respondAgain({ handshake, from }: PendingResponder, arrival: Arrival): HandshakeOutcome {
    const isSame = from === formatSocketAddress(arrival.from);
    if (!isSame && !this.#gate.mayAnswerAt(handshake.initiator, arrival)) return refused('replayed');
    return responds(handshake);
  }

  #respond(
    received: ReceivedInitiation,
    initiationMac: string,
    isProven: boolean,
    { from, nowMs }: Arrival,
  ): HandshakeOutcome {
    if (this.#responders.size >= MAX_PENDING_RESPONSES) this.#dropOldestResponder();
    const localIndex = this.#slots.allocate();
    if (localIndex === null) return refused('noFreeSlot');
    try {
      const handshake = received.respond(localIndex);
      const address = formatSocketAddress(from);
      this.#responders.set(localIndex, { handshake, startedMs: nowMs, initiationMac, from: address });
      this.#responderByMac.set(initiationMac, localIndex);
      if (isProven) this.#budget.take(localIndex, { id: received.hello.id, ip: from.ip }, nowMs);
      return responds(handshake);
    } catch (thrown) {
      this.#slots.release(localIndex);
      throw thrown;
    }
  }

  #receiveResponse(keys: ClusterKeys, datagram: HandshakeDatagram): HandshakeOutcome {
    const pending = this.#initiators.get(datagram.receiverIndex);
    if (pending === undefined) return refused(this.#ended.get(datagram.receiverIndex) ?? 'unknownIndex');
    if (keys.id !== pending.keys.id) return refused('badMac');
    let isExpected = false;
    const accepts = ({ advert }: PeerHello): boolean => (isExpected = pending.expects(advert.id));
    let hello: PeerHello;
    try {
      hello = pending.handshake.readResponse(datagram, accepts);
    } catch (thrown) {
      if (!(thrown instanceof HandshakeError) || thrown.failure !== 'otherVersion') throw thrown;
      return refused('otherVersion', pending.handshake.tellVersion(datagram), thrown.message);
    }
    if (!isExpected) return { type: 'unexpectedPeer', advert: hello.advert, localIndex: datagram.receiverIndex };
    const { confirmation, session } = pending.handshake.confirm(hello);
    this.#deps.stamps.accept(hello.advert.id, hello.lastStamp);
    this.#initiators.delete(datagram.receiverIndex);
    this.#ended.set(datagram.receiverIndex, 'duplicateResponse');
    const { advert, features } = hello;
    const keepsEarly = features.includes(EARLY_FRAMES);
    return { type: 'responded', advert, session, confirmation, keepsEarly, startedMs: pending.startedMs };
  }

  #receiveConfirmation(datagram: HandshakeDatagram): HandshakeOutcome {
    const pending = this.#responders.get(datagram.receiverIndex);
    if (pending === undefined) {
      const peer = this.#confirmed.get(datagram.receiverIndex);
      if (peer !== undefined) return { type: 'confirmedAgain', peer };
      return refused(this.#ended.get(datagram.receiverIndex) ?? 'unknownIndex');
    }
    const { hello, session } = pending.handshake.readConfirmation(datagram);
    this.#deps.stamps.accept(hello.advert.id, Math.max(hello.lastStamp, pending.handshake.initiator.stamp));
    this.#forgetResponder(datagram.receiverIndex);
    this.#confirmed.set(datagram.receiverIndex, hello.advert.id);
    return { type: 'confirmed', advert: hello.advert, session, startedMs: pending.startedMs };
  }

  #receiveCookie(bytes: Uint8Array, arrivedAt: Origin, nowMs: number): HandshakeOutcome {
    const index = cookieIndex(bytes);
    const pending = this.#initiators.get(index);
    if (pending === undefined) return refused(this.#ended.get(index) ?? 'unknownIndex');
    const { keys, handshake } = pending;
    const { initiation } = handshake;
    const opened = openCookie(bytes, readHandshake(initiation)!.mac, keys);
    if (opened === null) return refused('badCookie');
    const { cookie, waitMs } = opened;
    const address = formatSocketAddress(arrivedAt.from);
    if (!pending.sentTo.has(address)) return refused('strayCookie');
    const kept = this.#cookies.get(address);
    const isSame = kept !== undefined && macsEqual(kept.cookie, cookie);
    if (isSame && (waitMs === 0 || nowMs < kept.notBeforeMs)) return refused('duplicateCookie');
    // The same cookie is for the same address of this node, wherever a copy of it comes to.
    const origin = isSame ? kept.origin : arrivedAt;
    const notBeforeMs = nowMs + Math.min(waitMs, MAX_HERD_WAIT_MS);
    this.#cookies.set(address, { origin, cookie, untilMs: nowMs + COOKIE_USE_MS, notBeforeMs });
    if (waitMs > 0) return this.#wait(pending, origin, notBeforeMs);
    return { type: 'reply', reply: withCookie(initiation, cookie) };
  }

  #wait(pending: PendingInitiator, origin: Origin, atMs: number): HandshakeOutcome {
    pending.again ??= { origin, atMs };
    this.#againMs = Math.min(this.#againMs, pending.again.atMs);
    return { type: 'waits' };
  }

  #dropOldestResponder(): void {
    for (const localIndex of this.#responders.keys()) {
      this.#endResponder(localIndex, 'superseded');
      return;
    }
  }

  #endResponder(localIndex: number, end: HandshakeEnd): void {
    this.#forgetResponder(localIndex);
    this.#ended.set(localIndex, end);
    this.#slots.release(localIndex);
  }

  #forgetResponder(localIndex: number): void {
    this.#responderByMac.delete(this.#responders.get(localIndex)?.initiationMac ?? '');
    this.#responders.delete(localIndex);
    this.#budget.release(localIndex);
  }
}

function responds({ response, localIndex }: ResponderHandshake): HandshakeOutcome {
  return { type: 'responds', reply: response, localIndex };
}

function refused(
  reason: HandshakeRefusal,
  reply: Uint8Array | null = null,
  detail: string | null = null,
): HandshakeOutcome {
  return { type: 'refused', reason, reply, detail };
}
