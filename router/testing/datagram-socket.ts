/** A UDP socket on loopback that a test sends and receives lone datagrams with, without an event loop. */
import type { SocketAddress } from '../../common/socket-address.js';
import { parseSocketAddress } from '../../common/socket-address.js';
import { Arena } from '../arena.js';
import { Counters } from '../counters.js';
import { sysClose, sysPoll, sysRead } from '../ffi.js';
import { AF_INET6, POLLIN } from '../linux-abi.js';
import { RawSender } from '../raw-sender.js';
import { openUnderlaySockets } from '../underlay-socket.js';
import { boundPort } from './socket-port.js';

const MAX_DATAGRAM_BYTES = 65536;
export const LOOPBACK = '127.0.0.1';

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
    this.#sender = new RawSender(this.#arena, this.fd, AF_INET6, new Counters());
  }

  send(to: SocketAddress, datagram: Uint8Array): void {
    this.#sender.send(to, datagram);
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
  wait(timeoutMs: number): boolean {
    return waitReadable(this.#arena, this.fd, timeoutMs);
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
