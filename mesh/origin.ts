/**
 * Origin of a handshake datagram. Both addresses are those of its headers, which anybody can forge: they decide where the answer to
 * this datagram goes and leaves from, and nothing else before the sender is proven.
 */
import type { IpAddress } from '../common/address/ip-address.js';
import type { SocketAddress } from '../common/address/socket-address.js';
import type { MeshEffect } from './mesh-io.js';

export interface Origin {
  readonly from: SocketAddress;
  /** Address of this node that it came to; null when it came through a relay, or the router does not say. */
  readonly local: IpAddress | null;
}

/** Sends an answer the way that the datagram came. */
export function answerTo({ from, local }: Origin, bytes: Uint8Array): MeshEffect {
  return { type: 'sendDatagram', to: from, bytes, local };
}
