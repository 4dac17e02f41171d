/**
 * Local addresses at which others called this node by handshake datagrams: their responses leave from there. An initiation to such
 * an address leaves from there too, but not its repetition: the address may have become one that leads nowhere.
 */
import { BoundedMap } from '../../common/bounded-map.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { formatSocketAddress } from '../../common/address/socket-address.js';
import { TYPE_INITIATION } from '../../common/wire/datagram-header.js';

/** Callers beyond displace the one longest unheard: it gets its response from the address that the route says. */
const MAX_CALLERS = 1024;

interface Called {
  readonly local: Uint8Array;
  /** Whether the last initiation left from there. */
  tried: boolean;
}

export class CalledAddresses {
  /** By socket address of the caller. */
  readonly #callers = new BoundedMap<string, Called>(MAX_CALLERS);

  /** @param local as `kernel/packet-info.ts` says */
  note(caller: SocketAddress, local: Uint8Array): void {
    this.#callers.set(formatSocketAddress(caller), { local, tried: false });
  }

  /** The address that this node was called at, or null. */
  of(caller: SocketAddress): Uint8Array | null {
    return this.#callers.get(formatSocketAddress(caller))?.local ?? null;
  }

  /** Where a handshake datagram of this type leaves from; null for the address that the route says. */
  sourceFor(to: SocketAddress, type: number): Uint8Array | null {
    const called = this.#callers.get(formatSocketAddress(to));
    if (called === undefined) return null;
    if (type === TYPE_INITIATION) {
      called.tried = !called.tried;
      if (!called.tried) return null;
    }
    return called.local;
  }

  /** The kernel refuses to send from there. */
  forget(to: SocketAddress): void {
    this.#callers.delete(formatSocketAddress(to));
  }
}
