/** Channel through one relay, as an end of the pair holds it. */
import type { IpAddress } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import type { OpenChannel, RelayChannel } from '../../common/router-port.js';
import { CHANNEL_UNUSED_MS } from '../relay-limits.js';
import { channelAddress } from './channel-address.js';

export interface HeldChannel {
  readonly relay: NodeId;
  readonly receive: RelayChannel;
  /** Of the address that stands for the channel; made once, as every handshake in a channel is compared with it. */
  readonly ip: IpAddress;
  /** That the relay chose; null until it has said so. */
  send: RelayChannel | null;
  /** Asked for by this node, and not by the other end. */
  readonly isOurs: boolean;
  /** When it was last asked for or probed. */
  triedMs: number;
  /** When it is closed as not used; Infinity while it is. */
  leaveAtMs: number;
  /** The path went through it. */
  wasUsed: boolean;
}

export function heldChannel(relay: NodeId, receive: RelayChannel, isOurs: boolean, nowMs: number): HeldChannel {
  const { ip } = channelAddress(receive.channel);
  const leaveAtMs = nowMs + CHANNEL_UNUSED_MS;
  return { relay, receive, ip, send: null, isOurs, triedMs: nowMs, leaveAtMs, wasUsed: false };
}

/** What is to be open in the router, for a channel to this peer. */
export function openChannelOf({ relay, receive, send }: HeldChannel, peer: NodeId): OpenChannel {
  return { channel: receive, peer, relay, send };
}
