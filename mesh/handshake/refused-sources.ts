/**
 * Last refused handshake of each source address, for people who ask why two nodes have no link. A source address may be
 * forged, so an entry explains and decides nothing.
 */
import type { IpAddress } from '../../common/address/ip-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { BoundedMap } from '../../common/bounded-map.js';
import { MAX_REFUSED_SOURCES, REFUSAL_AGE_MS } from '../limits.js';
import type { RefusedView } from '../mesh-io.js';

export class RefusedSources {
  /** Bounded by MAX_REFUSED_SOURCES. */
  readonly #sources = new BoundedMap<IpAddress, RefusedView>(MAX_REFUSED_SOURCES);

  note(from: SocketAddress, cause: string, nowMs: number): void {
    const attempts = (this.#sources.get(from.ip)?.attempts ?? 0) + 1;
    this.#sources.set(from.ip, { from, cause, attempts, lastMs: nowMs });
  }

  /** A handshake with this address succeeded. */
  clear(from: SocketAddress): void {
    this.#sources.delete(from.ip);
  }

  /** Those of the last REFUSAL_AGE_MS. */
  recent(nowMs: number): RefusedView[] {
    for (const [ip, { lastMs }] of this.#sources) if (nowMs - lastMs >= REFUSAL_AGE_MS) this.#sources.delete(ip);
    return [...this.#sources.values()];
  }
}
