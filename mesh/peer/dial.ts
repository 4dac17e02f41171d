/**
 * When to try next to reach a node, and at which of its addresses: exponential back-off with jitter, and the one
 * initiation that is in flight. The same initiation goes to several addresses; the first response wins.
 */
import type { IpAddress } from '../../common/address/ip-address.js';
import { formatSocketAddress } from '../../common/address/socket-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { DIAL_ADDRESSES_PER_TRY, DIAL_RETRY_MS, HANDSHAKE_LIFETIME_MS } from '../limits.js';

export class Dial {
  /** Our session index of the initiation in flight. */
  attempt: number | null = null;
  #attemptBegunMs = 0;
  #tries = 0;
  #nextMs: number;

  constructor(nowMs: number) {
    this.#nextMs = nowMs;
  }

  get nextMs(): number {
    return this.#nextMs;
  }

  /** Start over without waiting: something changed. */
  restart(nowMs: number): void {
    this.#tries = 0;
    this.#nextMs = nowMs;
  }

  /** Try no later than `nowMs`, without starting the back-off over. */
  hurry(nowMs: number): void {
    this.#nextMs = Math.min(this.#nextMs, nowMs);
  }

  begun(localIndex: number, nowMs: number): void {
    this.attempt = localIndex;
    this.#attemptBegunMs = nowMs;
  }

  /** Whether the initiation in flight has had its time. */
  isAttemptOver(nowMs: number): boolean {
    return this.attempt !== null && nowMs - this.#attemptBegunMs >= HANDSHAKE_LIFETIME_MS;
  }

  /** Notes a try. @param fraction jitter, [0, 1): the wait is 75 to 125 % of the step */
  tried(capMs: number, fraction: number, nowMs: number): void {
    const stepMs = Math.min(capMs, DIAL_RETRY_MS * 2 ** Math.min(this.#tries, 30));
    this.#tries++;
    this.#nextMs = nowMs + stepMs * (0.75 + fraction / 2);
  }

  /** The addresses for this try: a window that moves on with every try. */
  pick(addresses: readonly SocketAddress[]): readonly SocketAddress[] {
    if (addresses.length <= DIAL_ADDRESSES_PER_TRY) return addresses;
    const start = (this.#tries * DIAL_ADDRESSES_PER_TRY) % addresses.length;
    return [...addresses, ...addresses].slice(start, start + DIAL_ADDRESSES_PER_TRY);
  }
}

/** The addresses without duplicates and without those of this host, in order. */
export function dialable(
  addresses: readonly (SocketAddress | null)[],
  ownAddresses: readonly IpAddress[],
): SocketAddress[] {
  const unique = new Map<string, SocketAddress>();
  for (const address of addresses) {
    if (address !== null && !ownAddresses.includes(address.ip)) unique.set(formatSocketAddress(address), address);
  }
  return [...unique.values()];
}
