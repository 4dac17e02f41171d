/**
 * Netlink socket of one protocol of the kernel (netlink(7)), without waiting: messages to the kernel, and what it has sent. Its
 * queue is the socket's receive buffer, beyond which the kernel drops.
 */
import { SystemCallError } from '../../common/errors.js';
import { Arena } from './arena.js';
import { sysBind, sysClose, sysErrno, sysRead, sysSocket, sysWrite } from './ffi.js';
import { AF_NETLINK, EAGAIN, ENOBUFS, O_CLOEXEC, O_NONBLOCK, SOCK_RAW } from './linux-abi.js';

/** struct sockaddr_nl: family, padding, port id that the kernel chooses, multicast groups. */
const ADDRESS_BYTES = 12;
/** The kernel puts at most two pages of messages into one datagram. */
const BUFFER_BYTES = 65_536;

/** Its methods throw {@link SystemCallError}. */
export class NetlinkSocket {
  readonly #arena = new Arena(2 * BUFFER_BYTES);
  readonly #buffer = this.#arena.allocate(BUFFER_BYTES);
  readonly #fd: number;

  /** @param protocol NETLINK_*; @param name of it, for errors */
  constructor(
    protocol: number,
    readonly name: string,
  ) {
    this.#fd = sysSocket(AF_NETLINK, SOCK_RAW | O_NONBLOCK | O_CLOEXEC, protocol);
    if (this.#fd < 0) throw new SystemCallError('socket', sysErrno(), name);
    const { u8, view, base } = this.#arena;
    u8.fill(0, this.#buffer, this.#buffer + ADDRESS_BYTES);
    view.setUint16(this.#buffer, AF_NETLINK, true);
    if (sysBind(this.#fd, base + this.#buffer, ADDRESS_BYTES) === 0) return;
    const errno = sysErrno();
    this.close();
    throw new SystemCallError('bind', errno, name);
  }

  send(message: Uint8Array): void {
    this.#arena.u8.set(message, this.#buffer);
    const written = sysWrite(this.#fd, this.#arena.base + this.#buffer, message.length);
    if (written < 0) throw new SystemCallError('write', sysErrno(), this.name);
  }

  /** The next datagram, valid until the next call; null when there is none. Empty: the kernel has dropped some. */
  receive(): Uint8Array | null {
    const length = sysRead(this.#fd, this.#arena.base + this.#buffer, BUFFER_BYTES);
    if (length >= 0) return this.#arena.u8.subarray(this.#buffer, this.#buffer + length);
    const errno = sysErrno();
    if (errno === EAGAIN) return null;
    if (errno === ENOBUFS) return this.#arena.u8.subarray(0, 0);
    throw new SystemCallError('read', errno, this.name);
  }

  close(): void {
    sysClose(this.#fd);
  }
}
