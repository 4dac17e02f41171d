/**
 * The 16-byte header of every datagram between nodes, and the associated data of what is sealed (`docs/wire.md`).
 *
 *  0      1      2          3           4               8             10             16
 *  +------+------+----------+-----------+---------------+-------------+--------------+----------------------
 *  | type | lane | fragment | fragments | session index | unit length | unit counter | fragment of the unit
 *  +------+------+----------+-----------+---------------+-------------+--------------+----------------------
 *
 * Big-endian. `unit length` counts the sealed unit with its tag; `unit counter` has 48 bits. The associated data has the
 * shape of a TLS 1.2 record's (RFC 5246, 6.2.3.3), 13 bytes: counter as u64, type, lane, fragments, plaintext length u16.
 * The nonce is the lane's 4-byte salt and the counter as u64.
 */
export const HEADER_BYTES = 16;
export const TAG_BYTES = 16;
export const AAD_BYTES = 13;

export const TYPE_HANDSHAKE_1 = 1;
export const TYPE_HANDSHAKE_2 = 2;
export const TYPE_HANDSHAKE_3 = 3;
export const TYPE_COOKIE = 4;
export const TYPE_DATA = 5;
export const TYPE_CONTROL = 6;
export const TYPE_PROBE = 7;

/** A unit is cut into at most this many datagrams: what one GSO send may carry. */
export const MAX_FRAGMENTS = 64;
/** Largest sealed unit in bytes: the length field has 16 bits, and a GSO send ends at 65 507 bytes with headers. */
export const MAX_UNIT_BYTES = 65280;
export const MAX_LANES = 16;
/** A session is worn out before its counter can wrap (`docs/wire.md`, lifetimes). */
export const REFUSE_AFTER_UNITS = 2 ** 48 - 1;

export const WORD_INDEX = 1;
export const WORD_LENGTH_COUNTER_HIGH = 2;
export const WORD_COUNTER_LOW = 3;

/** Swaps the bytes of a 32-bit word: the header is big-endian, the machine is not. */
export function swap32(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}
