/** Byte order of numbers in memory: the kernel's structures are little-endian here, headers of packets big-endian. */

/** Swaps the bytes of a 32-bit word. */
export function swap32(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}

export function readU16be(u8: Uint8Array, at: number): number {
  return (u8[at]! << 8) | u8[at + 1]!;
}

export function writeU16be(u8: Uint8Array, at: number, value: number): void {
  u8[at] = value >>> 8;
  u8[at + 1] = value;
}

export function readU16le(u8: Uint8Array, at: number): number {
  return u8[at]! | (u8[at + 1]! << 8);
}

export function writeU16le(u8: Uint8Array, at: number, value: number): void {
  u8[at] = value;
  u8[at + 1] = value >>> 8;
}
