/**
 * Origin of a datagram. Both addresses are those of its headers, which anybody can forge: of a handshake datagram they decide where
 * the answer to it goes and leaves from, and nothing else before the sender is proven.
 */
import type { IpAddress } from '../common/address/ip-address.js';
import type { SocketAddress } from '../common/address/socket-address.js';
import type { MeshEffect } from './mesh-io.js';

export interface Origin {
  readonly from: SocketAddress;
  /** Address of this node that it came to; null when it came through a relay, or the router does not say. */
  readonly local: IpAddress | null;
}

/** @param event of the router about the datagram, which came from there */
export function originOf(from: SocketAddress, { local = null }: { readonly local?: IpAddress | null }): Origin {
  return { from, local };
}

/** Sends an answer the way that the datagram came. */
export function answerTo({ from, local }: Origin, bytes: Uint8Array): MeshEffect {
  return { type: 'sendDatagram', to: from, bytes, local };
}
