/**
 * UDP socket of the underlay: opening it with buffers whose size takes privileges, and negotiating UDP GSO and GRO. With more
 * than one lane the sockets share the port, and a classic BPF program gives each datagram to the socket of its lane.
 */
import { SystemCallError } from '../../common/errors.js';
import { ipFamily, parseIpAddress } from '../../common/address/ip-address.js';
import { MAX_LANES } from '../../common/protocol.js';
import { Arena } from './arena.js';
import { sysBind, sysClose, sysErrno, sysGetsockopt, sysSetsockopt, sysSocket } from './ffi.js';
import { SOCKET_BUFFER_BYTES } from '../limits.js';
import {
  AF_INET,
  AF_INET6,
  EADDRNOTAVAIL,
  IP_MTU_DISCOVER,
  IP_PKTINFO,
  IP_RECVTOS,
  IP_TTL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_MTU_DISCOVER,
  IPV6_RECVPKTINFO,
  IPV6_RECVTCLASS,
  IPV6_UNICAST_HOPS,
  IPV6_V6ONLY,
  O_CLOEXEC,
  O_NONBLOCK,
  PMTUDISC_PROBE,
  SO_ATTACH_REUSEPORT_CBPF,
  SO_DOMAIN,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_REUSEPORT,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOCK_DGRAM,
  SOL_SOCKET,
  SOL_UDP,
  UDP_GRO,
  UDP_SEGMENT,
} from './linux-abi.js';
import type { SocketFamily } from './socket-address-memory.js';
import { socketAddressBytes, writeSocketAddress } from './socket-address-memory.js';

const EAFNOSUPPORT = 97;
const VALUE = 64;
const ADDRESS = 128;
const PROGRAM = 256;
/** Hops that a datagram of lane 0 may take. */
const HOPS = 64;

export interface UnderlaySocketOptions {
  /** Empty for all addresses of both families. */
  readonly address: string;
  readonly port: number;
  /** One socket per lane. */
  readonly count: number;
}

/** Opens and binds the sockets. Throws {@link SystemCallError} naming address and port. */
export function openUnderlaySockets(options: UnderlaySocketOptions): { fds: number[] } {
  const arena = new Arena(4096);
  const fds: number[] = [];
  try {
    const family = chooseFamily(arena, options);
    for (let i = 0; i < options.count; i++) fds.push(openSocket(arena, options, family));
    if (options.count > 1) fds.forEach((fd, lane) => setLaneHopLimit(arena, fd, lane, family));
    if (options.count > 1) steerByLane(arena, fds[0]!, options.count);
  } catch (thrown) {
    fds.forEach((fd) => sysClose(fd));
    throw thrown;
  }
  return { fds };
}

/** IPv6 with IPv4 mapped in where the host has IPv6, IPv4 alone where it has not. */
function chooseFamily(arena: Arena, options: UnderlaySocketOptions): SocketFamily {
  if (options.address !== '' && ipFamily(parseIpAddress(options.address)) === 6) return AF_INET6;
  const fd = sysSocket(AF_INET6, SOCK_DGRAM | O_CLOEXEC, 0);
  if (fd < 0) return AF_INET;
  setOption(arena, fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  const bound = bind(arena, fd, options.address === '' ? '::' : options.address, 0, AF_INET6);
  sysClose(fd);
  return bound === 0 ? AF_INET6 : AF_INET;
}

function openSocket(arena: Arena, options: UnderlaySocketOptions, family: SocketFamily): number {
  const fd = sysSocket(family, SOCK_DGRAM | O_NONBLOCK | O_CLOEXEC, 0);
  if (fd < 0) throw new SystemCallError('socket', sysErrno());
  if (family === AF_INET6) setOption(arena, fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (options.count > 1) setOption(arena, fd, SOL_SOCKET, SO_REUSEPORT, 1);
  // Without CAP_NET_ADMIN over the host the kernel's limit (net.core.rmem_max) applies.
  if (!setOption(arena, fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER_BYTES)) {
    setOption(arena, fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER_BYTES);
  }
  if (!setOption(arena, fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER_BYTES)) {
    setOption(arena, fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER_BYTES);
  }
  setOption(arena, fd, IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_PROBE);
  if (family === AF_INET6) setOption(arena, fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_PROBE);
  const anyAddress = family === AF_INET6 ? '::' : '0.0.0.0';
  const address = options.address === '' ? anyAddress : options.address;
  const errno = bind(arena, fd, address, options.port, family);
  if (errno === 0) return fd;
  sysClose(fd);
  const hint =
    errno === EADDRNOTAVAIL
      ? ': no such address on this host'
      : errno === EAFNOSUPPORT
        ? ': no such address family'
        : '';
  throw new SystemCallError('bind', errno, `UDP ${address} port ${options.port}${hint}`);
}

/** 0, or the errno. */
function bind(arena: Arena, fd: number, address: string, port: number, family: SocketFamily): number {
  writeSocketAddress(arena, ADDRESS, { ip: parseIpAddress(address), port }, family);
  return sysBind(fd, arena.base + ADDRESS, socketAddressBytes(family)) < 0 ? sysErrno() : 0;
}

function setOption(arena: Arena, fd: number, level: number, name: number, value: number): boolean {
  arena.i32[VALUE >>> 2] = value;
  return sysSetsockopt(fd, level, name, arena.base + VALUE, 4) === 0;
}

/** Hop limit of the datagrams of a lane. */
export function hopLimitOf(lane: number): number {
  return HOPS - (lane % MAX_LANES);
}

/**
 * Gives each lane a hop limit of its own. Lanes share their addresses and ports, so a receiver's GRO would coalesce datagrams of
 * several lanes into one message, which goes to one socket. GRO coalesces nothing that differs in its hop limit (Linux 6.9,
 * and maintained older kernels).
 */
function setLaneHopLimit(arena: Arena, fd: number, lane: number, family: SocketFamily): void {
  setOption(arena, fd, IPPROTO_IP, IP_TTL, hopLimitOf(lane));
  if (family === AF_INET6) setOption(arena, fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, hopLimitOf(lane));
}

/**
 * Picks the socket by the lane byte of the header, modulo the number of lanes: `ldb [1]; mod #count; ret a`
 * (struct sock_filter: code u16, jt u8, jf u8, k u32; linux/bpf_common.h).
 */
function steerByLane(arena: Arena, fd: number, count: number): void {
  const LDB_ABSOLUTE = 0x30;
  const MOD_K = 0x94;
  const RETURN_A = 0x16;
  const { view } = arena;
  [
    [LDB_ABSOLUTE, 1],
    [MOD_K, count],
    [RETURN_A, 0],
  ].forEach(([code, k], i) => {
    view.setUint32(PROGRAM + 16 + i * 8, code!, true);
    view.setUint32(PROGRAM + 20 + i * 8, k!, true);
  });
  // struct sock_fprog: length u16, filter address.
  view.setUint32(PROGRAM, 3, true);
  arena.writeAddress(PROGRAM + 8, PROGRAM + 16);
  if (sysSetsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, arena.base + PROGRAM, 16) !== 0) {
    throw new SystemCallError('setsockopt SO_ATTACH_REUSEPORT_CBPF', sysErrno(), `${count} lanes`);
  }
}

export interface UnderlayOffloads {
  readonly family: SocketFamily;
  /** The kernel cuts a message into datagrams (UDP_SEGMENT). */
  readonly gso: boolean;
  /** The kernel hands over coalesced datagrams (UDP_GRO). */
  readonly gro: boolean;
}

/** Turns on the offloads that this kernel has, and returns them; and the reports of a datagram's called address and traffic class. */
export function negotiateUnderlay(fd: number): UnderlayOffloads {
  const arena = new Arena(4096);
  arena.i32[ADDRESS >>> 2] = 4;
  const known = sysGetsockopt(fd, SOL_SOCKET, SO_DOMAIN, arena.base + VALUE, arena.base + ADDRESS) === 0;
  const family = known && arena.i32[VALUE >>> 2] === AF_INET ? AF_INET : AF_INET6;
  // Setting the socket-wide segment size to "none" changes nothing and tells whether the option exists.
  const gso = setOption(arena, fd, SOL_UDP, UDP_SEGMENT, 0);
  setOption(arena, fd, IPPROTO_IP, IP_RECVTOS, 1);
  if (family === AF_INET6) {
    setOption(arena, fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    setOption(arena, fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
  } else setOption(arena, fd, IPPROTO_IP, IP_PKTINFO, 1);
  return { family, gso, gro: setOption(arena, fd, SOL_UDP, UDP_GRO, 1) };
}
