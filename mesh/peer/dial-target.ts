/** What a handshake with a peer needs to know of it. */
import type { IpAddress } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { LONG_DEAD_AFTER_MS, MAX_DEAD_DIAL_RETRY_MS, MAX_DIAL_RETRY_MS } from '../limits.js';
import { dialable } from './dial.js';
import type { DialTarget } from './dial.js';
import type { Link } from './link.js';
import type { Advert } from '../wire/advert.js';

export interface DialedPeer {
  readonly id: NodeId;
  readonly link: Link;
  readonly advert: Advert | null;
  readonly isProven: boolean;
  readonly path: { readonly endpoint: SocketAddress | null };
  framesWait(nowMs: number): boolean;
}

/** @param channels addresses that stand for channels of relays with it */
export function dialTargetOf(
  peer: DialedPeer,
  channels: SocketAddress[],
  ownAddresses: readonly IpAddress[],
  nowMs: number,
): DialTarget {
  const { id, link, path, advert, isProven } = peer;
  const longDead = link.state === 'down' && nowMs - link.sinceMs >= LONG_DEAD_AFTER_MS;
  return {
    peer: id,
    addresses: dialable([path.endpoint, ...(advert?.endpoints ?? [])], ownAddresses),
    channels,
    maxRetryMs: longDead ? MAX_DEAD_DIAL_RETRY_MS : MAX_DIAL_RETRY_MS,
    expects: (other) => other === id,
    staticKey: advert?.noiseKey ?? null,
    secretIds: advert?.secretIds ?? null,
    isProven,
    framesWait: peer.framesWait(nowMs),
    provenAddress: path.endpoint,
  };
}
