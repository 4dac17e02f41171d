/**
 * Admission of initiations: the checks between a good MAC and the first curve operation with keys of the sender.
 *
 * ```
 *   rate of the source, rates of all sources --> not read, but a cookie is sent
 *   admitted before ----------------------------------------------------> replayed
 *   sender is a member
 *     proof for this node: bad -> badProof; old stamp -> replayed; rate of the member -> budget (a cookie with a wait) -> pass
 *     no proof:            stamp below those that its advert or an earlier handshake rules out -> replayed
 *   cookie of this source? no: a cookie is sent -> rate of the source -> rate of all unproven nodes -> pass
 * ```
 *
 * So a recorded initiation of a member gets no answer, and nothing but a cookie goes to an address that is not proven. Whoever can
 * forge sources can use up what is counted by a source, but not what is counted by a source with a cookie.
 */
import type { IpAddress } from '../../common/address/ip-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { formatSocketAddress } from '../../common/address/socket-address.js';
import { BoundedMap } from '../../common/bounded-map.js';
import type { NodeId } from '../../common/node-id.js';
import { macUnder } from '../../common/wire/handshake-mac.js';
import type { Advert } from '../wire/advert.js';
import { KEY_BYTES } from '../wire/curve-keys.js';
import { hasValidCookie } from '../../common/wire/handshake-datagram.js';
import {
  COOKIE_LIFETIME_MS,
  COOKIES_PER_SECOND,
  MAX_MEMBERS,
  MEMBER_COOKIES_PER_SECOND,
  MAX_SEEN_INITIATIONS,
  MAX_SOURCES,
  MEMBER_ADDRESSES_AGE_MS,
  MEMBER_PER_SECOND,
  READ_BURST,
  READ_OF_ALL_BURST,
  READ_OF_ALL_PER_SECOND,
  READ_OF_MEMBERS_BURST,
  READ_OF_MEMBERS_PER_SECOND,
  READ_PER_SECOND,
  SOURCE_BURST,
  SOURCE_PER_SECOND,
  UNPROVEN_BURST,
  UNPROVEN_PER_SECOND,
} from '../limits.js';
import type { RandomSource } from '../mesh-io.js';
import { RateLimiter } from '../rate-limiter.js';
import { hasValidProof } from './initiation-hello.js';
import type { InitiationHello } from './initiation-hello.js';
import type { HandshakeBudget } from './handshake-budget.js';
import type { ReceivedInitiation } from './handshake.js';
import type { InitiationStamps } from './initiation-stamps.js';
import type { SharedSecrets } from './shared-secrets.js';

export type Admission =
  /** `isProven`: the response takes a place of the budget. */
  | { readonly verdict: 'pass'; readonly isProven: boolean }
  /** A cookie with a wait is the answer. */
  | { readonly verdict: 'mustWait'; readonly waitMs: number }
  /** `needsCookie`: a cookie is the answer. */
  | { readonly verdict: 'needsCookie' | 'replayed' | 'badProof' | 'rateLimited' | 'underLoad' };

/** `tooOften`: more come from its address than are read. `underLoad`: the same of all addresses. */
export type Reading = 'read' | 'tooOften' | 'underLoad';

export interface HandshakeGateDeps {
  readonly ownId: NodeId;
  readonly random: RandomSource;
  readonly stamps: InitiationStamps;
  readonly secrets: SharedSecrets;
  readonly budget: HandshakeBudget;
  /** The advert of another member. */
  member(id: NodeId): Advert | undefined;
  /** Addresses at which members are, by their adverts and links: as text, each with its port and without. */
  memberAddresses(): ReadonlySet<string>;
  /** Whether the address stands for a channel of a relay with this member. */
  isWayTo(address: SocketAddress, id: NodeId): boolean;
}

/** An initiation datagram and where it came from. */
export interface Arrival {
  readonly bytes: Uint8Array;
  readonly from: SocketAddress;
  readonly nowMs: number;
}

export class HandshakeGate {
  readonly #deps: HandshakeGateDeps;
  /** Of those with a cookie, and not of members. */
  readonly #sources = new RateLimiter<IpAddress>({
    burst: SOURCE_BURST,
    perSecond: SOURCE_PER_SECOND,
    maxKeys: MAX_SOURCES,
  });
  readonly #readable = new RateLimiter<IpAddress>({
    burst: READ_BURST,
    perSecond: READ_PER_SECOND,
    maxKeys: MAX_SOURCES,
  });
  /** Beyond those: of those with a cookie. */
  readonly #readableWithCookie = new RateLimiter<string>({
    burst: SOURCE_BURST,
    perSecond: SOURCE_PER_SECOND,
    maxKeys: MAX_SOURCES,
  });
  readonly #members = new RateLimiter<NodeId>({
    burst: SOURCE_BURST,
    perSecond: MEMBER_PER_SECOND,
    maxKeys: MAX_MEMBERS,
  });
  readonly #unproven = new RateLimiter({ burst: UNPROVEN_BURST, perSecond: UNPROVEN_PER_SECOND, maxKeys: 1 });
  readonly #cookies = new RateLimiter({ burst: COOKIES_PER_SECOND, perSecond: COOKIES_PER_SECOND, maxKeys: 1 });
  readonly #memberCookies = new RateLimiter({
    burst: MEMBER_COOKIES_PER_SECOND,
    perSecond: MEMBER_COOKIES_PER_SECOND,
    maxKeys: 1,
  });
  readonly #ofAll = new RateLimiter({ burst: READ_OF_ALL_BURST, perSecond: READ_OF_ALL_PER_SECOND, maxKeys: 1 });
  /** Beyond those: of addresses of members, of addresses with a cookie, and of those that are both. */
  readonly #ofFew = new RateLimiter<'member' | 'cookie' | 'memberWithCookie'>({
    burst: READ_OF_MEMBERS_BURST,
    perSecond: READ_OF_MEMBERS_PER_SECOND,
    maxKeys: 3,
  });
  #memberAddresses: ReadonlySet<string> = new Set();
  #memberAddressesMs = -Infinity;
  /** MACs, in hex, of initiations that were admitted. Bounded by MAX_SEEN_INITIATIONS. */
  readonly #seen = new BoundedMap<string, true>(MAX_SEEN_INITIATIONS);
  #secret: Uint8Array;
  #secretBefore: Uint8Array;
  #secretFromMs = 0;

  constructor(deps: HandshakeGateDeps) {
    this.#deps = deps;
    this.#secret = deps.random.bytes(KEY_BYTES);
    this.#secretBefore = deps.random.bytes(KEY_BYTES);
  }

  /** Whether an initiation of this MAC, in hex, was admitted before. */
  hasSeen(mac: string): boolean {
    return this.#seen.has(mac);
  }

  /**
   * Whether an initiation may be read, which costs ten times what its MAC does. Who has the secret can forge any number of sources,
   * and those of others: all together have one rate, and addresses of members and those with a cookie, which cannot be forged, one
   * each beside it.
   */
  reading(arrival: Arrival): Reading {
    const { from, nowMs } = arrival;
    const mayRead = this.#readable.take(from.ip, nowMs);
    if (mayRead && this.#ofAll.take(0, nowMs)) return 'read';
    if (this.#mayReadWithCookie(arrival)) return 'read';
    if (!mayRead) return 'tooOften';
    return this.#isOfMember(from.ip, nowMs) && this.#ofFew.take('member', nowMs) ? 'read' : 'underLoad';
  }

  /** The cookie for the sender of an initiation that is not read or has none, with which it can come again; null beyond their rate. */
  cookieToSend({ from, nowMs }: Arrival): Uint8Array | null {
    return this.#cookies.take(0, nowMs) ? this.cookieFor(from, nowMs) : null;
  }

  /** Checks an initiation with a good MAC that was not seen before. @param mac in hex */
  admit(received: ReceivedInitiation, mac: string, arrival: Arrival): Admission {
    const admission = this.#admission(received, arrival);
    if (admission.verdict === 'pass') this.#seen.set(mac, true);
    return admission;
  }

  /** Whether the sender of a repeated initiation may get the response at this other address too. */
  mayAnswerAt({ id }: InitiationHello, { bytes, from, nowMs }: Arrival): boolean {
    const endpoints = this.#deps.member(id)?.endpoints ?? [];
    const isKnown = endpoints.some(({ ip }) => ip === from.ip) || this.#deps.isWayTo(from, id);
    return isKnown || this.#hasCookie(bytes, from, nowMs);
  }

  /** The cookie that proves that a sender receives at `from`. */
  cookieFor(from: SocketAddress, nowMs: number): Uint8Array {
    this.#rotate(nowMs);
    return cookieUnder(this.#secret, from);
  }

  #admission(received: ReceivedInitiation, arrival: Arrival): Admission {
    const { hello } = received;
    const member = this.#deps.member(hello.id);
    if (member !== undefined && hello.proof !== null) return this.#admitProven(received, member, arrival);
    if (!this.#mayBeNew(hello, member)) return { verdict: 'replayed' };
    return this.#admitUnproven(arrival);
  }

  #admitProven({ hello, ephemeral }: ReceivedInitiation, member: Advert, arrival: Arrival): Admission {
    const { secrets, stamps } = this.#deps;
    const { nowMs } = arrival;
    const shared = secrets.with(member.noiseKey);
    if (shared === null || !hasValidProof(hello, shared, ephemeral)) return { verdict: 'badProof' };
    if (!stamps.isFresh(hello.id, hello.stamp)) return { verdict: 'replayed' };
    if (!this.#members.take(hello.id, nowMs)) return { verdict: 'rateLimited' };
    const waitMs = this.#waitOf(hello, arrival);
    if (waitMs !== null) return this.#sendAway(hello, waitMs, nowMs);
    stamps.accept(hello.id, hello.stamp);
    return { verdict: 'pass', isProven: true };
  }

  #waitOf({ id, demand }: InitiationHello, { bytes, from, nowMs }: Arrival): number | null {
    const hasCookie = this.#hasCookie(bytes, from, nowMs);
    return this.#deps.budget.waitOf({ id, ip: from.ip, framesWait: demand === 'frames', hasCookie }, nowMs);
  }

  /** An older version does not know a wait: it comes again by its back-off. */
  #sendAway({ demand }: InitiationHello, waitMs: number, nowMs: number): Admission {
    const isTold = demand !== 'unsaid' && this.#memberCookies.take(0, nowMs);
    return isTold ? { verdict: 'mustWait', waitMs } : { verdict: 'underLoad' };
  }

  #mayBeNew({ id, stamp }: InitiationHello, member: Advert | undefined): boolean {
    const { ownId, stamps } = this.#deps;
    const floor = id === ownId ? stamps.last + 1 : (member?.lowestStamp ?? 0);
    return stamp >= floor && stamps.isFresh(id, stamp);
  }

  #admitUnproven({ bytes, from, nowMs }: Arrival): Admission {
    if (!this.#hasCookie(bytes, from, nowMs)) return { verdict: 'needsCookie' };
    if (!this.#sources.take(from.ip, nowMs)) return { verdict: 'rateLimited' };
    return this.#unproven.take(0, nowMs) ? { verdict: 'pass', isProven: false } : { verdict: 'underLoad' };
  }

  /** Pods of a node, and others behind its address, have other ports than the node: what they use up is theirs. */
  #mayReadWithCookie({ bytes, from, nowMs }: Arrival): boolean {
    if (!this.#hasCookie(bytes, from, nowMs)) return false;
    const address = formatSocketAddress(from);
    const isMembers = this.#isOfMember(address, nowMs) && this.#readableWithCookie.take(address, nowMs);
    if (isMembers && this.#ofFew.take('memberWithCookie', nowMs)) return true;
    return this.#readableWithCookie.take(from.ip, nowMs) && this.#ofFew.take('cookie', nowMs);
  }

  /** @param address with its port or without */
  #isOfMember(address: string, nowMs: number): boolean {
    if (nowMs - this.#memberAddressesMs >= MEMBER_ADDRESSES_AGE_MS) {
      this.#memberAddresses = this.#deps.memberAddresses();
      this.#memberAddressesMs = nowMs;
    }
    return this.#memberAddresses.has(address);
  }

  #hasCookie(bytes: Uint8Array, from: SocketAddress, nowMs: number): boolean {
    this.#rotate(nowMs);
    return [this.#secret, this.#secretBefore].some((secret) => hasValidCookie(bytes, cookieUnder(secret, from)));
  }

  #rotate(nowMs: number): void {
    if (nowMs - this.#secretFromMs < COOKIE_LIFETIME_MS) return;
    this.#secretBefore = this.#secret;
    this.#secret = this.#deps.random.bytes(KEY_BYTES);
    this.#secretFromMs = nowMs;
  }
}

function cookieUnder(secret: Uint8Array, from: SocketAddress): Uint8Array {
  return macUnder(secret, Buffer.from(formatSocketAddress(from)));
}
