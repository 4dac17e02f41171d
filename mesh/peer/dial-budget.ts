/**
 * Budget of initiations to addresses that nobody has answered from, whatever the number of members: per address, and for all
 * members together that this node never had a handshake with. Without it, adverts would turn the cluster on any address.
 */
import type { IpAddress } from '../../common/address/ip-address.js';
import {
  ADDRESS_DIAL_BURST,
  ADDRESS_DIALS_PER_SECOND,
  MAX_SOURCES,
  UNPROVEN_DIAL_BURST,
  UNPROVEN_DIALS_PER_SECOND,
} from '../limits.js';
import { RateLimiter } from '../rate-limiter.js';

export class DialBudget {
  readonly #addresses = new RateLimiter<IpAddress>({
    burst: ADDRESS_DIAL_BURST,
    perSecond: ADDRESS_DIALS_PER_SECOND,
    maxKeys: MAX_SOURCES,
  });
  readonly #unproven = new RateLimiter({
    burst: UNPROVEN_DIAL_BURST,
    perSecond: UNPROVEN_DIALS_PER_SECOND,
    maxKeys: 1,
  });

  /** Takes one initiation to an address that is not proven. @param isProven whether the member itself is */
  take(to: IpAddress, isProven: boolean, nowMs: number): boolean {
    if (!this.#addresses.has(to, nowMs)) return false;
    if (!isProven && !this.#unproven.take(0, nowMs)) return false;
    return this.#addresses.take(to, nowMs);
  }
}
