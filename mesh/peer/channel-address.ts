/**
 * Address that stands for a channel of a relay (ADR 0044) wherever handshakes have addresses: cookies, rates per source, and where
 * an answer goes. It is of the discard-only block (RFC 6666), with port 0, and never leaves the core: the channel takes its place in
 * the effect.
 */
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';

const PREFIX = '100::';

/** @param channel number that this node chose */
export function channelAddress(channel: number): SocketAddress {
  const [high, low] = [channel >>> 16, channel & 0xffff].map((part) => part.toString(16));
  return { ip: parseIpAddress(`${PREFIX}${high}:${low}`), port: 0 };
}

export function isChannelAddress({ ip, port }: SocketAddress): boolean {
  return port === 0 && ip.startsWith(PREFIX);
}
