/**
 * The header that every datagram begins with (`docs/wire.md`). Types 1 to 4 are built and read here; of the others the
 * router builds its own. Their last eight bytes (unit length and counter) are zero for types 1 to 4.
 *
 * ```
 *  0      1      2          3           4               8                 10                 16
 *  +------+------+----------+-----------+---------------+-----------------+------------------+
 *  | type | lane | fragment | fragments | session index | unit length u16 | unit counter u48 |
 *  +------+------+----------+-----------+---------------+-----------------+------------------+
 * ```
 */
import { DATAGRAM_HEADER_BYTES } from '../../common/wire/overhead.js';

export const DATAGRAM_TYPES = { initiation: 1, response: 2, confirmation: 3, cookie: 4 } as const;
export type DatagramType = (typeof DATAGRAM_TYPES)[keyof typeof DATAGRAM_TYPES];

const INDEX_AT = 4;
const ZEROS_AT = 8;

/** Writes the header of a type 1 to 4 datagram at the start of `bytes`, which are zero. */
export function writeHeader(bytes: Uint8Array, type: DatagramType, sessionIndex: number): void {
  bytes[0] = type;
  bytes[3] = 1;
  viewOf(bytes).setUint32(INDEX_AT, sessionIndex);
}

/** The type of a datagram of type 1 to 4 with a well-formed header, or null. */
export function headerType(bytes: Uint8Array): DatagramType | null {
  if (bytes.length < DATAGRAM_HEADER_BYTES) return null;
  const type = bytes[0];
  if (type !== 1 && type !== 2 && type !== 3 && type !== 4) return null;
  const fixed = bytes[1] === 0 && bytes[2] === 0 && bytes[3] === 1;
  const zeros = bytes.subarray(ZEROS_AT, DATAGRAM_HEADER_BYTES).every((byte) => byte === 0);
  return fixed && zeros ? type : null;
}

/** Session index of a datagram that {@link headerType} accepted. */
export function headerIndex(bytes: Uint8Array): number {
  return viewOf(bytes).getUint32(INDEX_AT);
}

export function readU32(bytes: Uint8Array, at: number): number {
  return viewOf(bytes).getUint32(at);
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  viewOf(bytes).setUint32(at, value);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
