/**
 * Dial to a node: the initiator handshake in progress, and when its initiation is sent next. Exponential back-off with
 * jitter. One initiation goes to several addresses; the first response wins. Peers and seeds are dialled alike.
 */
import type { IpAddress } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import { formatSocketAddress, sameSocketAddress } from '../../common/address/socket-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { isChannelAddress } from './channel-address.js';
import type { Handshakes, HandshakeTarget } from '../handshake/handshakes.js';
import { DialBudget } from './dial-budget.js';
import { DIAL_ADDRESSES_PER_TRY, DIAL_RETRY_MS, HANDSHAKE_LIFETIME_MS } from '../limits.js';
import type { MeshEffect, RandomSource } from '../mesh-io.js';

/** The wait of a try that the budget has no room for is that after so many tries, 1.6 s. */
const OVER_BUDGET_TRIES = 4;

export interface Dial {
  /** Null until the first try, and after a handshake has ended. */
  readonly handshake: DialHandshake | null;
  /** Tries since the back-off started over. */
  readonly tries: number;
  readonly nextMs: number;
}

export interface DialHandshake {
  readonly localIndex: number;
  readonly startedMs: number;
  /** Handshakes of this dial before it, which got no response. */
  readonly turn: number;
}

/** An address that a try sends to. */
export interface TriedAddress {
  readonly to: SocketAddress;
  /** Tries before that sent to it. */
  readonly turn: number;
}

/** What a try needs to know of the node. */
export interface DialTarget extends Omit<HandshakeTarget, 'mayCross' | 'turn'> {
  /** Null when any node may be at the addresses. */
  readonly peer: NodeId | null;
  readonly addresses: readonly SocketAddress[];
  /** Those that stand for channels of relays, which every try is sent to as well. */
  readonly channels: readonly SocketAddress[];
  /** Whether a handshake with the node has ever succeeded. */
  readonly isProven: boolean;
  /** The address that a try does not need the budget for: configured, or the node was heard at it. */
  readonly provenAddress: SocketAddress | null;
  /** Longest wait between two tries. */
  readonly maxRetryMs: number;
}

export interface DialerDeps {
  readonly handshakes: Handshakes;
  readonly random: RandomSource;
  emit(effect: MeshEffect): void;
}

/** A dial whose first try is due at `atMs`. */
export function dialAt(atMs: number): Dial {
  return { handshake: null, tries: 0, nextMs: atMs };
}

/** The same with the back-off started over: something changed that makes a response more likely. */
export function restarted(dial: Dial, nowMs: number): Dial {
  return dial.tries === 0 ? dial : { ...dial, tries: 0, nextMs: nowMs };
}

/** The same with the next try no later than `nowMs`; the back-off goes on. */
export function hurried(dial: Dial, nowMs: number): Dial {
  return { ...dial, nextMs: Math.min(dial.nextMs, nowMs) };
}

/** Carries out what a dial needs of the handshakes and the network. */
export class Dialer {
  readonly #deps: DialerDeps;
  readonly #budget = new DialBudget();

  constructor(deps: DialerDeps) {
    this.#deps = deps;
  }

  /** Sends an initiation to the addresses of this try, of a new handshake if there is none or its time is over. */
  tryNow(dial: Dial, target: DialTarget, nowMs: number): Dial {
    const direct = addressesOfTry(target.addresses, dial.tries).filter(({ to }) => this.#mayDial(to, target, nowMs));
    const addresses = [...target.channels.map((to) => ({ to, turn: 0 })), ...direct];
    if (addresses.length === 0) return this.#notSent(dial, target, nowMs);
    const handshake = this.#currentHandshake(dial, target, nowMs);
    for (const { to, turn } of addresses) {
      const bytes = handshake === null ? null : this.#deps.handshakes.initiationFor(handshake.localIndex, to, nowMs);
      // The address of this node that the peer called may have become one that leads nowhere: the next one leaves by the route.
      const peer = turn % 2 === 0 ? target.peer : null;
      if (bytes !== null) this.#deps.emit({ type: 'sendDatagram', to, bytes, peer });
    }
    return { handshake, tries: dial.tries + 1, nextMs: this.#retryAtMs(dial.tries, target, nowMs) };
  }

  /** No handshake is made: members without addresses, or thousands of them, may be invented, and each would cost its work. */
  #notSent(dial: Dial, target: DialTarget, nowMs: number): Dial {
    if (target.addresses.length > 0) return { ...dial, nextMs: this.#retryAtMs(OVER_BUDGET_TRIES, target, nowMs) };
    return { ...dial, tries: dial.tries + 1, nextMs: this.#retryAtMs(dial.tries, target, nowMs) };
  }

  #retryAtMs(tries: number, { maxRetryMs }: DialTarget, nowMs: number): number {
    return nowMs + retryWaitMs(tries, maxRetryMs, this.#deps.random.fraction());
  }

  #mayDial(to: SocketAddress, { isProven, provenAddress }: DialTarget, nowMs: number): boolean {
    if (provenAddress !== null && sameSocketAddress(provenAddress, to)) return true;
    return this.#budget.take(to.ip, isProven, nowMs);
  }

  /** Drops the handshake in progress, if there is one. */
  end(dial: Dial): Dial {
    if (dial.handshake === null) return dial;
    this.#deps.handshakes.cancel(dial.handshake.localIndex, 'superseded');
    return { ...dial, handshake: null };
  }

  #currentHandshake({ handshake, tries }: Dial, target: DialTarget, nowMs: number): DialHandshake | null {
    const { handshakes } = this.#deps;
    const isVoid = handshake !== null && handshakes.isVoid(handshake.localIndex);
    if (handshake !== null && !isVoid && nowMs - handshake.startedMs < HANDSHAKE_LIFETIME_MS) return handshake;
    if (handshake !== null) handshakes.cancel(handshake.localIndex, isVoid ? 'superseded' : 'expired');
    const turn = handshake === null ? 0 : handshake.turn + (isVoid ? 0 : 1);
    const localIndex = handshakes.start({ ...target, turn, mayCross: tries === 0 }, nowMs);
    return localIndex === null ? null : { localIndex, startedMs: nowMs, turn };
  }
}

/** Wait after a try. @param fraction jitter, [0, 1): the wait is 75 to 125 % of the step */
export function retryWaitMs(tries: number, maxRetryMs: number, fraction: number): number {
  return Math.min(maxRetryMs, DIAL_RETRY_MS * 2 ** Math.min(tries, 30)) * (0.75 + fraction / 2);
}

/** A window of addresses that moves on with every try, and how many tries before had each. */
export function addressesOfTry(addresses: readonly SocketAddress[], tries: number): readonly TriedAddress[] {
  const count = Math.min(DIAL_ADDRESSES_PER_TRY, addresses.length);
  return Array.from({ length: count }, (_, i) => {
    const place = tries * count + i;
    return { to: addresses[place % addresses.length]!, turn: Math.floor(place / addresses.length) };
  });
}

/** The addresses without duplicates and without those of this host, in order. */
export function dialable(
  addresses: readonly (SocketAddress | null)[],
  ownAddresses: readonly IpAddress[],
): SocketAddress[] {
  const unique = new Map<string, SocketAddress>();
  for (const address of addresses) {
    if (address === null || isChannelAddress(address)) continue;
    if (!ownAddresses.includes(address.ip)) unique.set(formatSocketAddress(address), address);
  }
  return [...unique.values()];
}
