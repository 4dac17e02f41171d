/**
 * UDP addresses in the arena, as the kernel writes and reads them. The underlay socket is IPv6 with IPv4 mapped in
 * (RFC 4291, 2.5.5.2), or IPv4 alone on hosts without IPv6; addresses in the arena are always of the socket's family.
 */
import { ipFromBytes, ipToBytes } from '../../common/address/ip-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import type { Arena } from './arena.js';
import { AF_INET, AF_INET6, SOCKADDR_IN6_BYTES, SOCKADDR_IN_BYTES, SOCKADDR_ROOM } from './linux-abi.js';

export type SocketFamily = typeof AF_INET | typeof AF_INET6;

export function socketAddressBytes(family: SocketFamily): number {
  return family === AF_INET6 ? SOCKADDR_IN6_BYTES : SOCKADDR_IN_BYTES;
}

/** Writes `address` at `at` (32 bytes of room). False when an IPv6 address meets an IPv4-only socket. */
export function writeSocketAddress(arena: Arena, at: number, address: SocketAddress, family: SocketFamily): boolean {
  const { u8, view } = arena;
  u8.fill(0, at, at + SOCKADDR_ROOM);
  view.setUint16(at, family, true);
  view.setUint16(at + 2, address.port);
  const bytes = ipToBytes(address.ip);
  if (family === AF_INET) {
    u8.set(bytes.subarray(0, 4), at + 4);
    return bytes.length === 4;
  }
  if (bytes.length === 4) u8.set([0xff, 0xff], at + 18);
  u8.set(bytes, at + 8 + 16 - bytes.length);
  return true;
}

/** Reads what {@link writeSocketAddress} or the kernel wrote; IPv4-mapped comes back as IPv4. */
export function readSocketAddress(arena: Arena, at: number): SocketAddress {
  const { u8, view } = arena;
  const inet6 = view.getUint16(at, true) === AF_INET6;
  const start = inet6 ? at + 8 : at + 4;
  return { ip: ipFromBytes(u8.subarray(start, start + (inet6 ? 16 : 4))), port: view.getUint16(at + 2) };
}

/** Port and address equal? Flow label and scope are not part of a peer's identity. */
export function sameSocketAddressMemory(arena: Arena, a: number, b: number, family: SocketFamily): boolean {
  const i32 = arena.i32;
  const x = a >>> 2;
  const y = b >>> 2;
  if (i32[x] !== i32[y]) return false;
  if (family === AF_INET) return i32[x + 1] === i32[y + 1];
  return (
    i32[x + 2] === i32[y + 2] && i32[x + 3] === i32[y + 3] && i32[x + 4] === i32[y + 4] && i32[x + 5] === i32[y + 5]
  );
}
