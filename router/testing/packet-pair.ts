/**
 * Stand-in for a TAP in tests without root: a pair of packet sockets. The router reads and writes records at the near end as
 * it would at the device; the test holds the far end. One packet is one record.
 */
import { assert, SystemCallError } from '../../common/errors.js';
import { Arena } from '../kernel/arena.js';
import { sysClose, sysErrno, sysRead, sysSetsockopt, sysSocketpair, sysWrite } from '../kernel/ffi.js';
import { AF_UNIX, O_NONBLOCK, SO_SNDBUFFORCE, SOCK_SEQPACKET, SO_SNDBUF, SOL_SOCKET } from '../kernel/linux-abi.js';

const BUFFER_BYTES = 4 << 20;
const MAX_RECORD_BYTES = 128 << 10;
const VALUE = 64;

export class PacketPair {
  /** The router's end. */
  readonly near: number;
  readonly far: number;
  readonly #arena = new Arena(MAX_RECORD_BYTES + 8192);
  readonly #buffer: number;

  constructor() {
    const { i32, base } = this.#arena;
    this.#buffer = this.#arena.allocate(MAX_RECORD_BYTES, 4096);
    if (sysSocketpair(AF_UNIX, SOCK_SEQPACKET | O_NONBLOCK, 0, base + VALUE) !== 0) {
      throw new SystemCallError('socketpair', sysErrno());
    }
    this.near = i32[VALUE >>> 2]!;
    this.far = i32[(VALUE >>> 2) + 1]!;
    for (const fd of [this.near, this.far]) this.#widen(fd);
  }

  /** Hands a record to the router. False when the pair is full: let the router read first. */
  send(record: Uint8Array): boolean {
    const { u8, base } = this.#arena;
    assert(record.length <= MAX_RECORD_BYTES, 'a record fits the buffer');
    u8.set(record, this.#buffer);
    return sysWrite(this.far, base + this.#buffer, record.length) === record.length;
  }

  /** The next record that the router wrote, or null. */
  receive(): Uint8Array | null {
    const { u8, base } = this.#arena;
    const length = sysRead(this.far, base + this.#buffer, MAX_RECORD_BYTES);
    return length > 0 ? u8.slice(this.#buffer, this.#buffer + length) : null;
  }

  /** Takes the next record and forgets it. False when there is none. */
  discard(): boolean {
    return sysRead(this.far, this.#arena.base + this.#buffer, MAX_RECORD_BYTES) > 0;
  }

  receiveAll(): Uint8Array[] {
    const records: Uint8Array[] = [];
    for (let record = this.receive(); record !== null; record = this.receive()) records.push(record);
    return records;
  }

  close(): void {
    sysClose(this.near);
    sysClose(this.far);
  }

  #widen(fd: number): void {
    const { i32, base } = this.#arena;
    i32[VALUE >>> 2] = BUFFER_BYTES;
    if (sysSetsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, base + VALUE, 4) === 0) return;
    sysSetsockopt(fd, SOL_SOCKET, SO_SNDBUF, base + VALUE, 4);
  }
}
