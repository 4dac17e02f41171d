/**
 * Control message with the local address of a datagram: the one it came to, and the one it is to leave from (IP_PKTINFO of ip(7),
 * IPV6_PKTINFO of ipv6(7), RFC 3542). Answers leave from the address that was called (RFC 1122, 4.1.3.5), so that a firewall or NAT
 * that keeps states lets them pass. A local address is 16 bytes of the arena, of which an IPv4-only socket uses the first 4; an
 * IPv6 socket has IPv4 mapped in.
 *
 * ```
 *  struct in_pktinfo    interface u32 | local address 4 bytes | destination of the header 4 bytes
 *  struct in6_pktinfo   address 16 bytes | interface u32
 * ```
 */
import { ipFromBytes, ipToBytes } from '../../common/address/ip-address.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import type { Arena } from './arena.js';
import { AF_INET6, CMSG_DATA, IP_PKTINFO, IPPROTO_IP, IPPROTO_IPV6, IPV6_PKTINFO } from './linux-abi.js';
import type { SocketFamily } from './socket-address-memory.js';

export const LOCAL_ADDRESS_BYTES = 16;
const IN_PKTINFO_BYTES = 12;
const IN_PKTINFO_LOCAL = 4;
const IN6_PKTINFO_BYTES = 20;

/** Bytes of the control message, with the padding behind it. */
export function packetInfoBytes(family: SocketFamily): number {
  return CMSG_DATA + (family === AF_INET6 ? 24 : 16);
}

/** Writes the control message at `at`: the kernel sends from the address at `local`, by the interface that the route says. */
export function writePacketInfo(arena: Arena, at: number, local: number, family: SocketFamily): void {
  const { u32 } = arena;
  const word = at >>> 2;
  const from = local >>> 2;
  if (family === AF_INET6) {
    arena.writeLength(at, CMSG_DATA + IN6_PKTINFO_BYTES);
    u32[word + 2] = IPPROTO_IPV6;
    u32[word + 3] = IPV6_PKTINFO;
    for (let i = 0; i < 4; i++) u32[word + 4 + i] = u32[from + i]!;
    u32[word + 8] = 0;
  } else {
    arena.writeLength(at, CMSG_DATA + IN_PKTINFO_BYTES);
    u32[word + 2] = IPPROTO_IP;
    u32[word + 3] = IP_PKTINFO;
    u32[word + 4] = 0;
    u32[word + 5] = u32[from]!;
    u32[word + 6] = 0;
  }
}

/** Offset of the local address in the control message at `at`; 0 when it is another one. */
export function localAddressIn(arena: Arena, at: number): number {
  const { u32 } = arena;
  const word = at >>> 2;
  const level = u32[word + 2];
  const type = u32[word + 3];
  if (level === IPPROTO_IPV6 && type === IPV6_PKTINFO) return at + CMSG_DATA;
  return level === IPPROTO_IP && type === IP_PKTINFO ? at + CMSG_DATA + IN_PKTINFO_LOCAL : 0;
}

export function readLocalAddress(arena: Arena, at: number, family: SocketFamily): IpAddress {
  return ipFromBytes(arena.u8.subarray(at, at + (family === AF_INET6 ? LOCAL_ADDRESS_BYTES : 4)));
}

/** The bytes of a local address; null for an IPv6 address at an IPv4-only socket. */
export function localAddressOf(ip: IpAddress, family: SocketFamily): Uint8Array | null {
  const bytes = ipToBytes(ip);
  const local = new Uint8Array(LOCAL_ADDRESS_BYTES);
  if (family !== AF_INET6) {
    local.set(bytes.subarray(0, 4));
    return bytes.length === 4 ? local : null;
  }
  if (bytes.length === 4) local.set([0xff, 0xff], 10);
  local.set(bytes, LOCAL_ADDRESS_BYTES - bytes.length);
  return local;
}

export function sameLocalAddress(arena: Arena, a: number, b: number, family: SocketFamily): boolean {
  const { u32 } = arena;
  const x = a >>> 2;
  const y = b >>> 2;
  if (u32[x] !== u32[y]) return false;
  return family !== AF_INET6 || (u32[x + 1] === u32[y + 1] && u32[x + 2] === u32[y + 2] && u32[x + 3] === u32[y + 3]);
}
