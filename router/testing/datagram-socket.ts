/** UDP socket on loopback for tests: sends and receives datagrams without an event loop. */
import { assert } from '../../common/errors.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import { Arena } from '../kernel/arena.js';
import { Counters } from '../tables/counters.js';
import { sysClose, sysPoll, sysRead, sysRecvmmsg, sysSetsockopt } from '../kernel/ffi.js';
import {
  AF_INET6,
  CMSG_ROOM,
  IOVEC_BYTES,
  IP_RECVTOS,
  IP_TOS,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_RECVTCLASS,
  IPV6_TCLASS,
  MMSGHDR_BYTES,
  MSG_CONTROL,
  MSG_CONTROLLEN,
  MSG_DONTWAIT,
  MSG_IOV,
  MSG_IOVLEN,
  MSG_LENGTH,
  POLLIN,
  SOL_UDP,
  UDP_SEGMENT,
} from '../kernel/linux-abi.js';
import { trafficClassIn } from '../kernel/traffic-class-info.js';
import { RawSender } from '../outside/raw-sender.js';
import { openUnderlaySockets } from '../kernel/underlay-socket.js';
import { boundPort } from './socket-port.js';

const MAX_DATAGRAM_BYTES = 65536;
export const LOOPBACK = '127.0.0.1';
export const LOOPBACK_IPV6 = '::1';
/** Longest wait for a datagram that was sent: on a busy machine the kernel delivers late. */
export const PATIENCE_MS = 5_000;

export class DatagramSocket {
  readonly fd: number;
  readonly address: SocketAddress;
  readonly #arena = new Arena(4 * MAX_DATAGRAM_BYTES);
  readonly #buffer: number;
  readonly #message: number;
  readonly #sender: RawSender;

  constructor(address: string = LOOPBACK) {
    this.fd = openUnderlaySockets({ address, port: 0, count: 1 }).fds[0]!;
    this.address = parseSocketAddress(address, boundPort(this.fd));
    this.#buffer = this.#arena.allocate(MAX_DATAGRAM_BYTES, 4096);
    this.#message = this.#arena.allocate(MMSGHDR_BYTES + IOVEC_BYTES + CMSG_ROOM);
    this.#setOption(IPPROTO_IP, IP_RECVTOS, 1);
    this.#setOption(IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
    this.#sender = new RawSender(this.#arena, this.fd, AF_INET6, new Counters());
  }

  send(to: SocketAddress, datagram: Uint8Array): void {
    this.#sender.send(to, datagram);
  }

  /** Sends datagrams of one size, the last of which may be shorter, as one message (UDP GSO): where GRO is on, they arrive coalesced. */
  sendCoalesced(to: SocketAddress, datagrams: readonly Uint8Array[]): void {
    this.#setSegmentBytes(datagrams[0]!.length);
    this.send(to, Uint8Array.from(Buffer.concat(datagrams)));
    this.#setSegmentBytes(0);
  }

  receive(): Uint8Array | null {
    const { u8, base } = this.#arena;
    const length = sysRead(this.fd, base + this.#buffer, MAX_DATAGRAM_BYTES);
    return length >= 0 ? u8.slice(this.#buffer, this.#buffer + length) : null;
  }

  /** The next datagram with its DSCP and ECN field, or null. */
  receiveWithClass(): { bytes: Uint8Array; trafficClass: number } | null {
    const arena = this.#arena;
    const message = this.#message;
    const [iovec, control] = [message + MMSGHDR_BYTES, message + MMSGHDR_BYTES + IOVEC_BYTES];
    arena.u8.fill(0, message, message + MMSGHDR_BYTES);
    arena.writeAddress(iovec, this.#buffer);
    arena.writeLength(iovec + 8, MAX_DATAGRAM_BYTES);
    arena.writeAddress(message + MSG_IOV, iovec);
    arena.writeLength(message + MSG_IOVLEN, 1);
    arena.writeAddress(message + MSG_CONTROL, control);
    arena.writeLength(message + MSG_CONTROLLEN, CMSG_ROOM);
    if (sysRecvmmsg(this.fd, arena.base + message, 1, MSG_DONTWAIT, 0) !== 1) return null;
    const length = arena.u32[(message + MSG_LENGTH) >>> 2]!;
    return {
      bytes: arena.u8.slice(this.#buffer, this.#buffer + length),
      trafficClass: trafficClassIn(arena, control),
    };
  }

  receiveAll(): Uint8Array[] {
    const datagrams: Uint8Array[] = [];
    for (let datagram = this.receive(); datagram !== null; datagram = this.receive()) datagrams.push(datagram);
    return datagrams;
  }

  /** True when a datagram is there, waiting for one up to `timeoutMs`. */
  wait(timeoutMs = PATIENCE_MS): boolean {
    return waitReadable(this.#arena, this.fd, timeoutMs);
  }

  /** DSCP and ECN field of what is sent from now on. */
  setTrafficClass(trafficClass: number): void {
    this.#setOption(IPPROTO_IP, IP_TOS, trafficClass);
    this.#setOption(IPPROTO_IPV6, IPV6_TCLASS, trafficClass);
  }

  #setSegmentBytes(bytes: number): void {
    assert(this.#setOption(SOL_UDP, UDP_SEGMENT, bytes), 'this kernel has UDP GSO');
  }

  #setOption(level: number, name: number, value: number): boolean {
    this.#arena.i32[0] = value;
    return sysSetsockopt(this.fd, level, name, this.#arena.base, 4) === 0;
  }

  close(): void {
    sysClose(this.fd);
  }
}

/** Uses the first bytes of the arena, which no allocation holds. */
export function waitReadable(arena: Arena, fd: number, timeoutMs: number): boolean {
  arena.i32[0] = fd;
  arena.u32[1] = POLLIN;
  return sysPoll(arena.base, 1, timeoutMs) > 0;
}
