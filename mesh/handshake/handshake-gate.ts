/**
 * Admission of initiations: the checks between a good MAC and the first curve operation.
 *
 * ```
 *   rate of the source -> not admitted before -> under load: good cookie -> admitted, and remembered against replay
 * ```
 */
import type { SocketAddress } from '../../common/address/socket-address.js';
import { formatSocketAddress } from '../../common/address/socket-address.js';
import { BoundedMap } from '../../common/bounded-map.js';
import { macUnder } from '../../common/wire/handshake-mac.js';
import { KEY_BYTES } from '../wire/curve-keys.js';
import { hasValidCookie } from '../../common/wire/handshake-datagram.js';
import { COOKIE_LIFETIME_MS, MAX_SEEN_INITIATIONS, UNDER_LOAD_PER_SECOND } from '../limits.js';
import type { RandomSource } from '../mesh-io.js';
import { SourceLimiter } from './source-limiter.js';

export type Admission = 'pass' | 'replayed' | 'needsCookie';

export class HandshakeGate {
  readonly #random: RandomSource;
  readonly #sources = new SourceLimiter();
  /** MACs, in hex, of initiations that were admitted. Bounded by MAX_SEEN_INITIATIONS. */
  readonly #seen = new BoundedMap<string, true>(MAX_SEEN_INITIATIONS);
  #secret: Uint8Array;
  #secretBefore: Uint8Array;
  #secretFromMs = 0;
  #second = { startMs: 0, initiations: 0 };

  constructor(random: RandomSource) {
    this.#random = random;
    this.#secret = random.bytes(KEY_BYTES);
    this.#secretBefore = random.bytes(KEY_BYTES);
  }

  /** Whether `from` may send another initiation now. */
  admitsSource(from: SocketAddress, nowMs: number): boolean {
    return this.#sources.take(from.ip, nowMs);
  }

  /** Checks an initiation with a good MAC from a source within its rate. */
  admit(bytes: Uint8Array, mac: Uint8Array, from: SocketAddress, nowMs: number): Admission {
    const key = Buffer.from(mac).toString('hex');
    if (this.#seen.has(key)) return 'replayed';
    if (this.#isUnderLoad(nowMs) && !this.#hasCookie(bytes, from, nowMs)) return 'needsCookie';
    this.#second.initiations++;
    this.#seen.set(key, true);
    return 'pass';
  }

  /** The cookie that proves that a sender receives at `from`. */
  cookieFor(from: SocketAddress, nowMs: number): Uint8Array {
    this.#rotate(nowMs);
    return cookieUnder(this.#secret, from);
  }

  #isUnderLoad(nowMs: number): boolean {
    if (nowMs - this.#second.startMs >= 1000) this.#second = { startMs: nowMs, initiations: 0 };
    return this.#second.initiations >= UNDER_LOAD_PER_SECOND;
  }

  #hasCookie(bytes: Uint8Array, from: SocketAddress, nowMs: number): boolean {
    this.#rotate(nowMs);
    return [this.#secret, this.#secretBefore].some((secret) => hasValidCookie(bytes, cookieUnder(secret, from)));
  }

  #rotate(nowMs: number): void {
    if (nowMs - this.#secretFromMs < COOKIE_LIFETIME_MS) return;
    this.#secretBefore = this.#secret;
    this.#secret = this.#random.bytes(KEY_BYTES);
    this.#secretFromMs = nowMs;
  }
}

function cookieUnder(secret: Uint8Array, from: SocketAddress): Uint8Array {
  return macUnder(secret, Buffer.from(formatSocketAddress(from)));
}
