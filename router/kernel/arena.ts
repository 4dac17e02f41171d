/**
 * Arena: one block of memory that kernel and thread share, with an allocator. The router passes offsets (bytes from the
 * start); an address for a system call is `base + offset`. Nothing is freed: all of it is allocated at start and reused, so
 * that the packet loop allocates nothing.
 */
import { assert, SystemCallError } from '../../common/errors.js';
import { mapMemory, sysErrno, sysMadvise, viewMemory } from './ffi.js';
import { MADV_HUGEPAGE, MAP_FIXED_NOREPLACE, MAP_PRIVATE_ANONYMOUS, PROT_READ_WRITE } from './linux-abi.js';

const TWO_POW_32 = 2 ** 32;
/**
 * Below 2 GiB an address is a small integer of V8, and handing it to a system call allocates nothing; above, every call
 * makes a number object. The memory of the executable lies below 1 GiB; steps are huge pages.
 */
const LOW_START = 2 ** 30;
const LOW_END = 2 ** 31;
const LOW_STEP = 2 ** 21;
const SECRET_ROOM_BYTES = 64;

export class Arena {
  /** Address of offset 0. */
  readonly base: number;
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly view: DataView;
  /** Low and high half of `base`: iovecs hold 64-bit addresses, written as two words. */
  readonly baseLow: number;
  readonly baseHigh: number;
  #next = 64;
  #secretRoom: number | undefined;

  constructor(readonly bytes: number) {
    this.base = mapMemoryOf(bytes);
    sysMadvise(this.base, bytes, MADV_HUGEPAGE);
    const memory = viewMemory(this.base, bytes);
    this.u8 = new Uint8Array(memory);
    this.u32 = new Uint32Array(memory);
    this.i32 = new Int32Array(memory);
    this.view = new DataView(memory);
    this.baseHigh = Math.floor(this.base / TWO_POW_32);
    this.baseLow = this.base % TWO_POW_32;
  }

  /** Reserves bytes and returns their offset. `align` is a power of two. */
  allocate(bytes: number, align = 64): number {
    const offset = (this.#next + align - 1) & ~(align - 1);
    assert(offset + bytes <= this.bytes, `arena of ${this.bytes} bytes is too small for ${bytes} more`);
    this.#next = offset + bytes;
    return offset;
  }

  /** Copies a key into the arena for one native call; {@link eraseSecret} follows. */
  placeSecret(key: Uint8Array): number {
    assert(key.length <= SECRET_ROOM_BYTES, `a secret of ${key.length} bytes fits its room`);
    this.#secretRoom ??= this.allocate(SECRET_ROOM_BYTES);
    this.u8.set(key, this.#secretRoom);
    return this.#secretRoom;
  }

  /** Overwrites what {@link placeSecret} put there. */
  eraseSecret(at: number, length: number): void {
    this.u8.fill(0, at, at + length);
  }

  /** Writes the 64-bit address of `offset` at `at` (4-byte aligned). */
  writeAddress(at: number, offset: number): void {
    this.u32[at >>> 2] = this.baseLow + offset;
    this.u32[(at >>> 2) + 1] = this.baseHigh;
  }

  /** Writes a 64-bit length (below 2^32) at `at`. */
  writeLength(at: number, length: number): void {
    this.u32[at >>> 2] = length;
    this.u32[(at >>> 2) + 1] = 0;
  }
}

/** Below 2 GiB where there is room, anywhere otherwise; never across a 4 GiB boundary, so that `baseLow + offset` never carries. */
function mapMemoryOf(bytes: number): number {
  const low = mapLow(bytes);
  if (low !== 0) return low;
  for (let attempt = 0; attempt < 8; attempt++) {
    const address = mapMemory(bytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS);
    if (address === 0) throw new SystemCallError('mmap', sysErrno(), `${bytes} bytes`);
    if ((address % TWO_POW_32) + bytes <= TWO_POW_32) return address;
  }
  throw new SystemCallError('mmap', 0, `no ${bytes} bytes within one 4 GiB range`);
}

/** 0 when there is no room, or the kernel does not know the flag and maps elsewhere. */
function mapLow(bytes: number): number {
  const flags = MAP_PRIVATE_ANONYMOUS | MAP_FIXED_NOREPLACE;
  for (let wanted = LOW_START; wanted + bytes <= LOW_END; wanted += LOW_STEP) {
    const address = mapMemory(bytes, PROT_READ_WRITE, flags, wanted);
    if (address === wanted) return address;
    if (address !== 0) break;
  }
  return 0;
}
