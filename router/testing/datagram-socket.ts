/** UDP socket on loopback for tests: sends and receives datagrams without an event loop. */
import { assert } from '../../common/errors.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import { Arena } from '../kernel/arena.js';
import { Counters } from '../tables/counters.js';
import { sysClose, sysPoll, sysRead, sysSetsockopt } from '../kernel/ffi.js';
import { AF_INET6, POLLIN, SOL_UDP, UDP_SEGMENT } from '../kernel/linux-abi.js';
import { CalledAddresses } from '../outside/called-addresses.js';
import { RawSender } from '../outside/raw-sender.js';
import { openUnderlaySockets } from '../kernel/underlay-socket.js';
import { boundPort } from './socket-port.js';

const MAX_DATAGRAM_BYTES = 65536;
export const LOOPBACK = '127.0.0.1';
/** Longest wait for a datagram that was sent: on a busy machine the kernel delivers late. */
export const PATIENCE_MS = 5_000;

export class DatagramSocket {
  readonly fd: number;
  readonly address: SocketAddress;
  readonly #arena = new Arena(4 * MAX_DATAGRAM_BYTES);
  readonly #buffer: number;
  readonly #sender: RawSender;

  constructor() {
    this.fd = openUnderlaySockets({ address: LOOPBACK, port: 0, count: 1 }).fds[0]!;
    this.address = parseSocketAddress(LOOPBACK, boundPort(this.fd));
    this.#buffer = this.#arena.allocate(MAX_DATAGRAM_BYTES, 4096);
    this.#sender = new RawSender(this.#arena, this.fd, AF_INET6, new Counters(), new CalledAddresses());
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

  receiveAll(): Uint8Array[] {
    const datagrams: Uint8Array[] = [];
    for (let datagram = this.receive(); datagram !== null; datagram = this.receive()) datagrams.push(datagram);
    return datagrams;
  }

  /** True when a datagram is there, waiting for one up to `timeoutMs`. */
  wait(timeoutMs = PATIENCE_MS): boolean {
    return waitReadable(this.#arena, this.fd, timeoutMs);
  }

  #setSegmentBytes(bytes: number): void {
    this.#arena.i32[0] = bytes;
    assert(sysSetsockopt(this.fd, SOL_UDP, UDP_SEGMENT, this.#arena.base, 4) === 0, 'this kernel has UDP GSO');
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
