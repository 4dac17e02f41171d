/**
 * Control messages of a send call about the IP header of its datagrams: hop limit, traffic class, and the address that they leave
 * from. The address is the last one, so that it can be taken off when the kernel refuses it.
 */
import type { Arena } from '../kernel/arena.js';
import { EADDRNOTAVAIL, EINVAL, ENETUNREACH, ENODEV } from '../kernel/linux-abi.js';
import { packetInfoBytes, writePacketInfo } from '../kernel/packet-info.js';
import type { SocketFamily } from '../kernel/socket-address-memory.js';
import { TRAFFIC_CLASS_INFO_BYTES, writeTrafficClassInfo } from '../kernel/traffic-class-info.js';

/**
 * Writes at `at` the control message of the traffic class, unless it is 0, and that of the local address at offset `local`, unless
 * that is 0. Returns their bytes.
 */
export function writeHeaderInfo(
  arena: Arena,
  at: number,
  trafficClass: number,
  ipv4: boolean,
  local: number,
  family: SocketFamily,
): number {
  const classBytes = trafficClass === 0 ? 0 : TRAFFIC_CLASS_INFO_BYTES;
  if (classBytes > 0) writeTrafficClassInfo(arena, at, trafficClass, ipv4);
  if (local === 0) return classBytes;
  writePacketInfo(arena, at + classBytes, local, family);
  return classBytes + packetInfoBytes(family);
}

/** Perhaps the local address is no longer one of this host: EINVAL for IPv6, ENETUNREACH for IPv4. */
export function isRefusedSource(errno: number): boolean {
  return errno === EINVAL || errno === EADDRNOTAVAIL || errno === ENODEV || errno === ENETUNREACH;
}
