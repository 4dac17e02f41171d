/** Sender of handshake datagrams of the mesh core: as they are, one by one; or to a relay, in an envelope. */
import type { SocketAddress } from '../../common/address/socket-address.js';
import type { Arena } from '../kernel/arena.js';
import type { Counters } from '../tables/counters.js';
import { DROP } from '../tables/drop-reasons.js';
import { sysSendmmsg } from '../kernel/ffi.js';
import {
  CMSG_ROOM,
  IOVEC_BYTES,
  MMSGHDR_BYTES,
  MSG_CONTROL,
  MSG_CONTROLLEN,
  MSG_IOV,
  MSG_IOVLEN,
  MSG_NAME,
  MSG_NAMELEN,
  SOCKADDR_ROOM,
} from '../kernel/linux-abi.js';
import { LOCAL_ADDRESS_BYTES, packetInfoBytes, writePacketInfo } from '../kernel/packet-info.js';
import type { SocketFamily } from '../kernel/socket-address-memory.js';
import { socketAddressBytes, writeSocketAddress } from '../kernel/socket-address-memory.js';

export const MAX_DATAGRAM_BYTES = 65507;

export class RawSender {
  readonly #message: number;
  readonly #iovec: number;
  readonly #address: number;
  readonly #local: number;
  readonly #control: number;
  readonly #data: number;

  constructor(
    private readonly arena: Arena,
    private readonly fd: number,
    private readonly family: SocketFamily,
    private readonly counters: Counters,
  ) {
    this.#message = arena.allocate(MMSGHDR_BYTES);
    this.#iovec = arena.allocate(IOVEC_BYTES);
    this.#address = arena.allocate(SOCKADDR_ROOM);
    this.#local = arena.allocate(LOCAL_ADDRESS_BYTES);
    this.#control = arena.allocate(CMSG_ROOM);
    this.#data = arena.allocate(MAX_DATAGRAM_BYTES + 1);
  }

  /**
   * Sends once. A refusal of the kernel is counted; handshakes are retransmitted by the mesh core.
   * @param source local address, as `kernel/packet-info.ts` says; null, and when the kernel refuses, for the one that the route says
   */
  send(to: SocketAddress, bytes: Uint8Array, source: Uint8Array | null = null): void {
    const { arena } = this;
    if (bytes.length > MAX_DATAGRAM_BYTES || !writeSocketAddress(arena, this.#address, to, this.family)) {
      this.counters.drops[DROP.sendFailed]!++;
      return;
    }
    this.#send(bytes, source);
  }

  /** The same to the socket address at offset `address`, from the local address at offset `local`, 0 for that of the route. */
  sendTo(address: number, local: number, bytes: Uint8Array): void {
    const { u8 } = this.arena;
    u8.copyWithin(this.#address, address, address + SOCKADDR_ROOM);
    this.#send(bytes, local === 0 ? null : u8.slice(local, local + LOCAL_ADDRESS_BYTES));
  }

  #send(bytes: Uint8Array, source: Uint8Array | null): void {
    this.#place(bytes);
    if (this.#sendFrom(source)) return;
    if (source === null || !this.#sendFrom(null)) this.counters.drops[DROP.sendFailed]!++;
  }

  #place(bytes: Uint8Array): void {
    const { arena } = this;
    arena.u8.set(bytes, this.#data);
    arena.writeAddress(this.#iovec, this.#data);
    arena.writeLength(this.#iovec + 8, bytes.length);
    arena.writeAddress(this.#message + MSG_NAME, this.#address);
    arena.u32[(this.#message + MSG_NAMELEN) >>> 2] = socketAddressBytes(this.family);
    arena.writeAddress(this.#message + MSG_IOV, this.#iovec);
    arena.writeLength(this.#message + MSG_IOVLEN, 1);
  }

  /** False when the kernel refuses. */
  #sendFrom(source: Uint8Array | null): boolean {
    const { arena, family } = this;
    if (source !== null) {
      arena.u8.set(source, this.#local);
      writePacketInfo(arena, this.#control, this.#local, family);
      arena.writeAddress(this.#message + MSG_CONTROL, this.#control);
    }
    arena.writeLength(this.#message + MSG_CONTROLLEN, source === null ? 0 : packetInfoBytes(family));
    return sysSendmmsg(this.fd, arena.base + this.#message, 1, 0) === 1;
  }
}
