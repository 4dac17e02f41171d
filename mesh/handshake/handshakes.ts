/**
 * All handshakes in progress, both roles, keyed by our session index. Datagrams in, outcomes out; what an outcome means
 * for a peer is `mesh.ts`'s business.
 *
 *   type 1: MAC -> own echo? -> source rate -> known? repeat answer -> gate (replay, load, cookie) -> answer
 *   type 2: MAC -> our initiation -> open -> expected peer? -> message 3
 *   type 3: MAC -> our response -> open -> established
 *   type 4: our initiation -> MAC over its message -> keep the cookie
 */
import { DecodeError, HandshakeError } from '../../common/errors.js';
import type { NodeId } from '../../common/node-id.js';
import type { SessionKeys } from '../../common/router-port.js';
import { formatSocketAddress } from '../../common/address/socket-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import type { Advert } from '../wire/advert.js';
import { BoundedMap } from '../../common/bounded-map.js';
import { macsEqual } from '../wire/cluster-keys.js';
import { cookieIndex, encodeCookie, openCookie } from '../wire/cookie-datagram.js';
import { Initiation, Response } from './handshake.js';
import type { HandshakeDeps, PeerHello } from './handshake.js';
import { hasValidMac, readHandshake, withCookie } from '../wire/handshake-datagram.js';
import type { HandshakeDatagram } from '../wire/handshake-datagram.js';
import { HandshakeGate } from './handshake-gate.js';
import { COOKIE_USE_MS, HANDSHAKE_LIFETIME_MS, MAX_COOKIES, MAX_PENDING_RESPONSES } from '../limits.js';
import type { SessionSlots } from './session-slots.js';

export type Refusal =
  | 'malformed'
  | 'badMac'
  | 'rateLimited'
  | 'replayed'
  | 'underLoad'
  | 'unknownIndex'
  | 'badTag'
  | 'noFreeSlot'
  | 'ownEcho';

export type HandshakeOutcome =
  | { readonly type: 'refused'; readonly reason: Refusal; readonly reply: Uint8Array | null }
  | { readonly type: 'reply'; readonly reply: Uint8Array }
  /** We initiated and the peer is who we wanted: `final` is message 3. */
  | {
      readonly type: 'answered';
      readonly advert: Advert;
      readonly session: SessionKeys;
      readonly final: Uint8Array;
      readonly begunMs: number;
    }
  /** Someone who is authentic but not wanted answered our message 1; the initiation still waits. */
  | { readonly type: 'otherPeer'; readonly advert: Advert; readonly localIndex: number }
  /** Message 3 again: the peer does not know yet that it arrived. */
  | { readonly type: 'repeated'; readonly peer: NodeId }
  | { readonly type: 'accepted'; readonly advert: Advert; readonly session: SessionKeys; readonly begunMs: number };

interface PendingInitiation {
  readonly initiation: Initiation;
  readonly begunMs: number;
  /** Says whether the node that answered is wanted. */
  readonly wants: (peer: NodeId) => boolean;
}

interface PendingResponse {
  readonly response: Response;
  readonly begunMs: number;
  readonly openingMac: string;
}

interface KeptCookie {
  readonly cookie: Uint8Array;
  readonly untilMs: number;
}

export class Handshakes {
  readonly #deps: HandshakeDeps;
  readonly #slots: SessionSlots;
  readonly #gate: HandshakeGate;
  /** Bounded by the session slots; each is one dial of ours. */
  readonly #initiations = new Map<number, PendingInitiation>();
  /** Bounded by MAX_PENDING_RESPONSES. */
  readonly #responses = new Map<number, PendingResponse>();
  /** Index of the response to a first message, by its MAC; as bounded as the responses. */
  readonly #answered = new Map<string, number>();
  /** Peers whose third message arrived, by our index, to know it when it comes again. */
  readonly #finished = new BoundedMap<number, NodeId>(MAX_PENDING_RESPONSES);
  /** Cookies that responders gave us, by their address. */
  readonly #cookies = new BoundedMap<string, KeptCookie>(MAX_COOKIES);

  constructor(deps: HandshakeDeps, slots: SessionSlots) {
    this.#deps = deps;
    this.#slots = slots;
    this.#gate = new HandshakeGate(deps.random);
  }

  get pendingCount(): number {
    return this.#initiations.size + this.#responses.size;
  }

  /** Begins an initiation and returns its session index, or null when no slot is free. */
  begin(wants: (peer: NodeId) => boolean, nowMs: number): number | null {
    const localIndex = this.#slots.allocate();
    if (localIndex === null) return null;
    this.#initiations.set(localIndex, { initiation: new Initiation(this.#deps, localIndex), begunMs: nowMs, wants });
    return localIndex;
  }

  /** Message 1 of an initiation for this address, or null when the initiation is over. */
  openingFor(localIndex: number, to: SocketAddress, nowMs: number): Uint8Array | null {
    const opening = this.#initiations.get(localIndex)?.initiation.opening;
    if (opening === undefined) return null;
    const kept = this.#cookies.get(formatSocketAddress(to));
    return kept !== undefined && nowMs < kept.untilMs ? withCookie(opening, kept.cookie) : opening;
  }

  /** Gives an initiation up and frees its slot. */
  cancel(localIndex: number): void {
    if (this.#initiations.delete(localIndex)) this.#slots.release(localIndex);
  }

  /** Forgets everything in progress: the router that would carry it is gone. */
  clear(): void {
    for (const localIndex of [...this.#initiations.keys()]) this.cancel(localIndex);
    for (const localIndex of [...this.#responses.keys()]) this.#dropResponse(localIndex, true);
  }

  /** Drops responses whose third message never came. */
  expire(nowMs: number): void {
    for (const [localIndex, { begunMs }] of this.#responses) {
      if (nowMs - begunMs >= HANDSHAKE_LIFETIME_MS) this.#dropResponse(localIndex, true);
    }
  }

  /** When {@link expire} has something to do next. */
  pollAt(): number | null {
    for (const { begunMs } of this.#responses.values()) return begunMs + HANDSHAKE_LIFETIME_MS;
    return null;
  }

  /** Never throws, whatever the bytes are. */
  receive(bytes: Uint8Array, from: SocketAddress, nowMs: number): HandshakeOutcome {
    const cookieFor = cookieIndex(bytes);
    if (cookieFor !== null) return this.#receiveCookie(bytes, cookieFor, from, nowMs);
    const datagram = readHandshake(bytes);
    if (datagram === null) return refused('malformed');
    if (!hasValidMac(bytes, this.#deps.keys)) return refused('badMac');
    try {
      if (datagram.type === 1) return this.#receiveOpening(bytes, datagram, from, nowMs);
      if (datagram.type === 2) return this.#receiveAnswer(datagram);
      return this.#receiveFinal(datagram);
    } catch (thrown) {
      if (thrown instanceof HandshakeError || thrown instanceof DecodeError) return refused('badTag');
      throw thrown;
    }
  }

  #receiveOpening(bytes: Uint8Array, opening: HandshakeDatagram, from: SocketAddress, nowMs: number): HandshakeOutcome {
    const own = this.#initiations.get(opening.senderIndex)?.initiation.opening;
    if (own !== undefined && macsEqual(opening.mac, readHandshake(own)!.mac)) return refused('ownEcho');
    if (!this.#gate.admitsSource(from, nowMs)) return refused('rateLimited');
    const openingMac = Buffer.from(opening.mac).toString('hex');
    const answered = this.#responses.get(this.#answered.get(openingMac) ?? -1);
    if (answered !== undefined) return { type: 'reply', reply: answered.response.answer };
    const verdict = this.#gate.judge(bytes, opening.mac, from, nowMs);
    if (verdict === 'replayed') return refused('replayed');
    if (verdict === 'needsCookie') {
      const cookie = this.#gate.cookieFor(from, nowMs);
      return refused('underLoad', encodeCookie(opening.senderIndex, cookie, opening.mac, this.#deps.keys));
    }
    return this.#answer(opening, openingMac, nowMs);
  }

  #answer(opening: HandshakeDatagram, openingMac: string, nowMs: number): HandshakeOutcome {
    if (this.#responses.size >= MAX_PENDING_RESPONSES) this.#dropOldestResponse();
    const localIndex = this.#slots.allocate();
    if (localIndex === null) return refused('noFreeSlot');
    try {
      const response = new Response(this.#deps, opening, localIndex);
      this.#responses.set(localIndex, { response, begunMs: nowMs, openingMac });
      this.#answered.set(openingMac, localIndex);
      return { type: 'reply', reply: response.answer };
    } catch (thrown) {
      this.#slots.release(localIndex);
      throw thrown;
    }
  }

  #receiveAnswer(datagram: HandshakeDatagram): HandshakeOutcome {
    const pending = this.#initiations.get(datagram.receiverIndex);
    if (pending === undefined) return refused('unknownIndex');
    let wanted = false;
    const accepts = ({ advert }: PeerHello): boolean => (wanted = pending.wants(advert.id));
    const hello = pending.initiation.readAnswer(datagram, accepts);
    if (!wanted) return { type: 'otherPeer', advert: hello.advert, localIndex: datagram.receiverIndex };
    const { datagram: final, session } = pending.initiation.finish(hello);
    this.#initiations.delete(datagram.receiverIndex);
    return { type: 'answered', advert: hello.advert, session, final, begunMs: pending.begunMs };
  }

  #receiveFinal(datagram: HandshakeDatagram): HandshakeOutcome {
    const pending = this.#responses.get(datagram.receiverIndex);
    if (pending === undefined) {
      const peer = this.#finished.get(datagram.receiverIndex);
      return peer === undefined ? refused('unknownIndex') : { type: 'repeated', peer };
    }
    const { hello, session } = pending.response.readFinal(datagram);
    this.#dropResponse(datagram.receiverIndex, false);
    this.#finished.set(datagram.receiverIndex, hello.advert.id);
    return { type: 'accepted', advert: hello.advert, session, begunMs: pending.begunMs };
  }

  #receiveCookie(bytes: Uint8Array, index: number, from: SocketAddress, nowMs: number): HandshakeOutcome {
    const own = this.#initiations.get(index)?.initiation.opening;
    if (own === undefined) return refused('unknownIndex');
    const cookie = openCookie(bytes, readHandshake(own)!.mac, this.#deps.keys);
    if (cookie === null) return refused('badMac');
    this.#cookies.set(formatSocketAddress(from), { cookie, untilMs: nowMs + COOKIE_USE_MS });
    return { type: 'reply', reply: withCookie(own, cookie) };
  }

  #dropOldestResponse(): void {
    for (const localIndex of this.#responses.keys()) {
      this.#dropResponse(localIndex, true);
      return;
    }
  }

  #dropResponse(localIndex: number, releaseSlot: boolean): void {
    const pending = this.#responses.get(localIndex);
    if (pending === undefined) return;
    this.#answered.delete(pending.openingMac);
    this.#responses.delete(localIndex);
    if (releaseSlot) this.#slots.release(localIndex);
  }
}

function refused(reason: Refusal, reply: Uint8Array | null = null): HandshakeOutcome {
  return { type: 'refused', reason, reply };
}
