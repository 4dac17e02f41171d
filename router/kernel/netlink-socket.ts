/**
 * Netlink socket of one protocol of the kernel (netlink(7)): messages to the kernel, and what it has sent. Its queue is the
 * socket's receive buffer, beyond which the kernel drops. It stays in the network namespace in which it is made.
 */
import { closeSync, read, readSync, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { codeOf, SystemCallError } from '../../common/errors.js';
import { sysErrno, sysSetSocketOption, sysSocket } from './ffi.js';
import {
  AF_NETLINK,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  O_CLOEXEC,
  O_NONBLOCK,
  SOCK_RAW,
  SOL_NETLINK,
} from './linux-abi.js';

/** The kernel puts at most two pages of messages into one datagram. */
const BUFFER_BYTES = 65_536;
const ON = new Uint8Array(Int32Array.of(1).buffer);
const writeByPool = promisify(write);
const readByPool = promisify(read);
/** NETLINK_* of linux/netlink.h. */
const PROTOCOLS = { NETLINK_ROUTE: 0, NETLINK_NETFILTER: 12 } as const;

export type NetlinkProtocol = keyof typeof PROTOCOLS;

export class NetlinkSocket {
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #fd: number;

  /** Throws {@link SystemCallError}. */
  constructor(protocol: NetlinkProtocol) {
    this.#fd = sysSocket(AF_NETLINK, SOCK_RAW | O_NONBLOCK | O_CLOEXEC, PROTOCOLS[protocol]);
    if (this.#fd < 0) throw new SystemCallError('socket', sysErrno(), protocol);
    // Answers say why, and do not repeat the request. Kernels before 4.12 give the number of the error alone.
    for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK]) {
      sysSetSocketOption(this.#fd, SOL_NETLINK, option, ON, ON.length);
    }
  }

  /** For requests that the kernel serves at once. Throws the error of write(2). */
  send(message: Uint8Array): void {
    writeSync(this.#fd, message);
  }

  /**
   * For requests that wait for a lock of the kernel: a thread of Node's pool waits, of which there are four as a rule. The kernel
   * has answered when this resolves. Rejects with the error of write(2).
   */
  async sendAndWait(message: Uint8Array): Promise<void> {
    await writeByPool(this.#fd, message);
  }

  /** The next datagram, valid until the next call; null when there is none. Empty: the kernel has dropped some. */
  receive(): Uint8Array | null {
    try {
      return this.#buffer.subarray(0, readSync(this.#fd, this.#buffer));
    } catch (thrown) {
      return this.#without(thrown);
    }
  }

  /** As {@link receive}, of a list: the kernel looks for the next objects while a thread of Node's pool reads. */
  async receiveListed(): Promise<Uint8Array | null> {
    try {
      const { bytesRead } = await readByPool(this.#fd, this.#buffer, 0, this.#buffer.length, null);
      return this.#buffer.subarray(0, bytesRead);
    } catch (thrown) {
      return this.#without(thrown);
    }
  }

  #without(thrown: unknown): Uint8Array | null {
    const code = codeOf(thrown);
    if (code === 'EAGAIN') return null;
    if (code === 'ENOBUFS') return this.#buffer.subarray(0, 0);
    throw thrown;
  }

  close(): void {
    closeSync(this.#fd);
  }
}
