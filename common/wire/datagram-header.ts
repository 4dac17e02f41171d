/**
 * Header of every datagram between nodes, and the list of datagram types (`docs/wire.md`, section 1). Big-endian.
 *
 * ```
 *  0      1      2          3           4               8             10             16
 *  +------+------+----------+-----------+---------------+-------------+--------------+- - - - - - - - - - -
 *  | type | lane | fragment | fragments | session index | unit length | unit counter | fragment of the unit
 *  | u8   | u8   | u8       | u8        | u32           | u16         | u48          | or message
 *  +------+------+----------+-----------+---------------+-------------+--------------+- - - - - - - - - - -
 * ```
 * `session index` was chosen by the receiver. `unit length` counts the sealed unit with its tag (`sealed-unit.ts`). In types 1 to
 * 4, which carry a message of their own, `fragments` is 1, and all fields but type and session index are zero.
 */
import { MAX_FRAGMENTS, MAX_LANES, SESSION_SLOT_BITS } from '../protocol.js';
import { TAG_BYTES } from './sealed-unit.js';

const TYPE_AT = 0;
const LANE_AT = TYPE_AT + 1;
const FRAGMENT_AT = LANE_AT + 1;
const FRAGMENTS_AT = FRAGMENT_AT + 1;
const INDEX_AT = FRAGMENTS_AT + 1;
const UNIT_BYTES_AT = INDEX_AT + 4;
const COUNTER_AT = UNIT_BYTES_AT + 2;
export const DATAGRAM_HEADER_BYTES = COUNTER_AT + 6;
const TWO_POW_32 = 2 ** 32;
const SESSION_SLOT_MASK = 2 ** SESSION_SLOT_BITS - 1;

/** Words of a header in memory: the fields of a byte each, then byte-swapped on a little-endian machine. */
export const FIELDS_WORD = TYPE_AT >>> 2;
export const INDEX_WORD = INDEX_AT >>> 2;
/** Unit length, and the upper 16 bits of the counter. */
export const LENGTH_COUNTER_WORD = UNIT_BYTES_AT >>> 2;
export const COUNTER_LOW_WORD = (COUNTER_AT + 2) >>> 2;
export const HEADER_WORDS = DATAGRAM_HEADER_BYTES >>> 2;

// Append-only: other versions send these numbers.
export const TYPE_INITIATION = 1;
export const TYPE_RESPONSE = 2;
export const TYPE_CONFIRMATION = 3;
export const TYPE_COOKIE = 4;
export const TYPE_DATA = 5;
export const TYPE_CONTROL = 6;
export const TYPE_PROBE = 7;
/** An envelope (`relay-envelope.ts`), whose bytes behind the lane are none of the fields below. */
export const TYPE_RELAY = 8;

/** Name of each type; the position is the number. Zero is no type. */
export const DATAGRAM_TYPE_NAMES = [
  'none',
  'initiation',
  'response',
  'confirmation',
  'cookie',
  'data',
  'control',
  'probe',
  'relay',
] as const;

export interface DatagramHeader {
  readonly type: number;
  readonly lane: number;
  readonly fragment: number;
  readonly fragments: number;
  readonly index: number;
  readonly unitBytes: number;
  readonly counter: number;
}

/** True when the bytes are a header that a node may send, and something behind it. The accessors below need no more. */
export function checkDatagram(bytes: Uint8Array): boolean {
  if (bytes.length <= DATAGRAM_HEADER_BYTES) return false;
  const { type, lane, fragment, fragments, unitBytes, counter } = readHeader(bytes);
  if (type < TYPE_INITIATION || type > TYPE_PROBE) return false;
  if (isSealedType(type)) {
    return lane < MAX_LANES && fragment < fragments && fragments <= MAX_FRAGMENTS && unitBytes >= TAG_BYTES;
  }
  return lane === 0 && fragment === 0 && fragments === 1 && unitBytes === 0 && counter === 0;
}

/** Whether datagrams of this type carry fragments of a sealed unit. */
export function isSealedType(type: number): boolean {
  return type >= TYPE_DATA && type <= TYPE_PROBE;
}

/** Slot in the receiver's session table that a session index names; the bits above it are random. */
export function sessionSlot(index: number): number {
  return index & SESSION_SLOT_MASK;
}

/** Type of a datagram, read without any check of the rest; 0 for no bytes. */
export function datagramType(bytes: Uint8Array): number {
  return bytes[TYPE_AT] ?? 0;
}

/** All fields. Throws RangeError on fewer bytes than a header has. */
export function readHeader(bytes: Uint8Array): DatagramHeader {
  const view = viewOf(bytes);
  return {
    type: view.getUint8(TYPE_AT),
    lane: view.getUint8(LANE_AT),
    fragment: view.getUint8(FRAGMENT_AT),
    fragments: view.getUint8(FRAGMENTS_AT),
    index: view.getUint32(INDEX_AT),
    unitBytes: view.getUint16(UNIT_BYTES_AT),
    counter: view.getUint16(COUNTER_AT) * TWO_POW_32 + view.getUint32(COUNTER_AT + 2),
  };
}

/** Writes all fields at the start of `bytes`; what exceeds its field is cut off at the top. */
export function writeHeader(bytes: Uint8Array, header: DatagramHeader): void {
  const view = viewOf(bytes);
  view.setUint8(TYPE_AT, header.type);
  view.setUint8(LANE_AT, header.lane);
  view.setUint8(FRAGMENT_AT, header.fragment);
  view.setUint8(FRAGMENTS_AT, header.fragments);
  view.setUint32(INDEX_AT, header.index);
  view.setUint16(UNIT_BYTES_AT, header.unitBytes);
  view.setUint16(COUNTER_AT, Math.floor(header.counter / TWO_POW_32));
  view.setUint32(COUNTER_AT + 2, header.counter);
}

/** Writes the header of a datagram of type 1 to 4. */
export function writeMessageHeader(bytes: Uint8Array, type: number, index: number): void {
  writeHeader(bytes, { type, lane: 0, fragment: 0, fragments: 1, index, unitBytes: 0, counter: 0 });
}

// The first word as a little-endian machine loads it, for code that must not allocate.

export function packFields(type: number, lane: number, fragment: number, fragments: number): number {
  return type | (lane << 8) | (fragment << 16) | (fragments << 24);
}

export function typeIn(fields: number): number {
  return fields & 0xff;
}

export function laneIn(fields: number): number {
  return (fields >>> 8) & 0xff;
}

export function fragmentIn(fields: number): number {
  return (fields >>> 16) & 0xff;
}

export function fragmentsIn(fields: number): number {
  return fields >>> 24;
}

/** One line for people: `data, lane 0, fragment 1 of 3, session 0xfeed0007, unit 9 of 250 bytes`. */
export function describeHeader({ type, lane, fragment, fragments, index, unitBytes, counter }: DatagramHeader): string {
  const session = `session 0x${index.toString(16).padStart(8, '0')}`;
  const name = DATAGRAM_TYPE_NAMES[type] ?? `type ${type}`;
  if (!isSealedType(type)) return `${name}, ${session}`;
  return `${name}, lane ${lane}, fragment ${fragment + 1} of ${fragments}, ${session}, unit ${counter} of ${unitBytes} bytes`;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
