/**
 * Descriptors passed between two processes by a datagram of a unix socket (unix(7), SCM_RIGHTS). Unlike `taken-descriptors.ts` it
 * needs no right over the other process, which may be in another process namespace.
 */
import { HeddleError, SystemCallError } from '../../common/errors.js';
import { MAX_SOCKET_PATH_BYTES } from '../../common/host/unix-socket.js';
import { Arena } from './arena.js';
import { sysBind, sysClose, sysErrno, sysRecvmmsg, sysSendmmsg, sysSocket } from './ffi.js';
import {
  AF_UNIX,
  CMSG_DATA,
  IOVEC_BYTES,
  MSG_CMSG_CLOEXEC,
  MSG_CONTROL,
  MSG_CONTROLLEN,
  MSG_DONTWAIT,
  MSG_IOV,
  MSG_IOVLEN,
  MSG_NAME,
  MSG_NAMELEN,
  MMSGHDR_BYTES,
  O_CLOEXEC,
  SCM_RIGHTS,
  SOCK_DGRAM,
  SOL_SOCKET,
  SOCKADDR_UN_BYTES,
} from './linux-abi.js';

/** The kernel passes no more at a time (SCM_MAX_FD). */
const MAX_DESCRIPTORS = 253;
const FD_BYTES = 4;
/** Linux passes no descriptors without a byte of data. */
const DATA_BYTES = 1;
const ARENA_BYTES = 8192;

/** One datagram with room for {@link MAX_DESCRIPTORS}. */
class Message {
  readonly arena = new Arena(ARENA_BYTES);
  readonly header = this.arena.allocate(MMSGHDR_BYTES);
  readonly name = this.arena.allocate(SOCKADDR_UN_BYTES);
  readonly control = this.arena.allocate(CMSG_DATA + MAX_DESCRIPTORS * FD_BYTES);
  readonly #vector = this.arena.allocate(IOVEC_BYTES);
  readonly #data = this.arena.allocate(DATA_BYTES);

  /** @param controlBytes of the control message: its room, or its length */
  constructor(controlBytes: number) {
    this.#setAddress(this.#vector, this.#data);
    this.#setWord(this.#vector + 8, DATA_BYTES);
    this.#setAddress(this.header + MSG_IOV, this.#vector);
    this.#setWord(this.header + MSG_IOVLEN, 1);
    this.#setAddress(this.header + MSG_CONTROL, this.control);
    this.#setWord(this.header + MSG_CONTROLLEN, controlBytes);
  }

  /** Returns the length of the address. */
  setName(path: string): number {
    const { u8, view } = this.arena;
    const bytes = Buffer.from(path);
    if (bytes.length > MAX_SOCKET_PATH_BYTES) {
      throw new HeddleError('CONFIG_INVALID', `socket path "${path}" is too long: use a shorter runDir`);
    }
    view.setUint16(this.name, AF_UNIX, true);
    u8.set(bytes, this.name + 2);
    this.#setAddress(this.header + MSG_NAME, this.name);
    view.setUint32(this.header + MSG_NAMELEN, bytes.length + 3, true);
    return bytes.length + 3;
  }

  #setAddress(at: number, offset: number): void {
    this.arena.view.setBigUint64(at, BigInt(this.arena.base + offset), true);
  }

  #setWord(at: number, value: number): void {
    this.arena.view.setBigUint64(at, BigInt(value), true);
  }
}

/** Sends duplicates to the inbox at `path`. Throws {@link SystemCallError}. */
export function sendDescriptors(path: string, fds: readonly number[]): void {
  const length = CMSG_DATA + fds.length * FD_BYTES;
  const message = new Message(length);
  const { view, base } = message.arena;
  view.setBigUint64(message.control, BigInt(length), true);
  view.setUint32(message.control + 8, SOL_SOCKET, true);
  view.setUint32(message.control + 12, SCM_RIGHTS, true);
  fds.forEach((fd, i) => view.setInt32(message.control + CMSG_DATA + i * FD_BYTES, fd, true));
  message.setName(path);
  const socket = openSocket();
  try {
    if (sysSendmmsg(socket, base + message.header, 1, MSG_DONTWAIT) !== 1) {
      throw new SystemCallError('sendmmsg', sysErrno(), `${fds.length} descriptors to ${path}`);
    }
  } finally {
    sysClose(socket);
  }
}

/** Socket file on which descriptors arrive. The caller removes the file. */
export class DescriptorInbox {
  readonly #socket = openSocket();

  constructor(readonly path: string) {
    const message = new Message(0);
    const length = message.setName(path);
    if (sysBind(this.#socket, message.arena.base + message.name, length) === 0) return;
    const errno = sysErrno();
    this.close();
    throw new SystemCallError('bind', errno, path);
  }

  /** Those of the datagram that has arrived, closed on exec; empty when none has. */
  receive(): readonly number[] {
    const message = new Message(CMSG_DATA + MAX_DESCRIPTORS * FD_BYTES);
    const { view, base } = message.arena;
    if (sysRecvmmsg(this.#socket, base + message.header, 1, MSG_DONTWAIT | MSG_CMSG_CLOEXEC, 0) !== 1) return [];
    if (view.getUint32(message.control + 12, true) !== SCM_RIGHTS) return [];
    const count = Math.floor((Number(view.getBigUint64(message.control, true)) - CMSG_DATA) / FD_BYTES);
    return Array.from({ length: count }, (_, i) => view.getInt32(message.control + CMSG_DATA + i * FD_BYTES, true));
  }

  close(): void {
    sysClose(this.#socket);
  }
}

function openSocket(): number {
  const fd = sysSocket(AF_UNIX, SOCK_DGRAM | O_CLOEXEC, 0);
  if (fd < 0) throw new SystemCallError('socket', sysErrno());
  return fd;
}
