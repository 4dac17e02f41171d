/**
 * Structural check of one msgpack value before it is decoded. Accepted is plain data: nil, booleans, numbers, strings, bytes,
 * arrays, and maps with string keys. Refused are extensions (records, dates, sets, regular expressions, cycles), the unused
 * byte 0xc1, and integers beyond 2^53. Depth and number of values are bounded. Format: the msgpack specification.
 */
import { DecodeError } from '../errors.js';

/** More than any message of Heddle needs, and little enough for a recursive decoder's stack. */
const MAX_DEPTH = 32;
/** Bounds the heap that decoding takes: an empty map is 1 byte on the wire and about 60 bytes in memory. */
const MAX_VALUES = 1 << 20;

const ARRAY = 0;
const MAP = 1;

/** A decoded header: bytes to skip, and the number of values inside. */
interface Header {
  readonly bytes: number;
  readonly children: number;
  readonly container: typeof ARRAY | typeof MAP;
  readonly isString: boolean;
}

/** Size in bytes of the headers 0xca to 0xd3: floats, then unsigned and signed integers. */
const NUMBER_BYTES = [5, 9, 2, 3, 5, 9, 2, 3, 5, 9];

/** Throws {@link DecodeError} unless `bytes` is exactly one plain msgpack value within the bounds above. */
export function checkMsgpack(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const expected: number[] = []; // values still to come per open container; at most MAX_DEPTH entries
  const kinds: number[] = [];
  let position = 0;
  let values = 0;
  do {
    const depth = expected.length - 1;
    const header = headerAt(view, position);
    if (kinds[depth] === MAP && expected[depth]! % 2 === 0 && !header.isString) refuse('map key is not a string');
    position += header.bytes;
    if (header.children > bytes.length - position || position > bytes.length) refuse('length is beyond the end');
    if (++values > MAX_VALUES) refuse(`more than ${MAX_VALUES} values`);
    if (depth >= 0) expected[depth]!--;
    if (header.children > 0) {
      if (expected.length === MAX_DEPTH) refuse(`nested deeper than ${MAX_DEPTH}`);
      expected.push(header.children);
      kinds.push(header.container);
    }
    while (expected.length > 0 && expected[expected.length - 1] === 0) {
      expected.pop();
      kinds.pop();
    }
  } while (expected.length > 0);
  if (position !== bytes.length) refuse(`${bytes.length - position} bytes after the end of the value`);
}

function refuse(reason: string): never {
  throw new DecodeError(`not a plain msgpack value: ${reason}`);
}

function headerAt(view: DataView, position: number): Header {
  const token = lengthAt(view, position, 1);
  if (token < 0x80 || token >= 0xe0) return scalar(1);
  if (token < 0x90) return container(1, (token & 0x0f) * 2, MAP);
  if (token < 0xa0) return container(1, token & 0x0f, ARRAY);
  if (token < 0xc0) return scalar(1 + (token & 0x1f), true);
  if (token >= 0xca && token <= 0xd3) return numberHeader(view, position, token);
  switch (token) {
    case 0xc0: // nil
    case 0xc2: // false
    case 0xc3: // true
      return scalar(1);
    case 0xc4: // bytes
    case 0xc5:
    case 0xc6:
      return sized(view, position, 1 << (token - 0xc4), false);
    case 0xd9: // string
    case 0xda:
    case 0xdb:
      return sized(view, position, 1 << (token - 0xd9), true);
    case 0xdc: // array
    case 0xdd:
      return counted(view, position, token === 0xdc ? 2 : 4, ARRAY);
    case 0xde: // map
    case 0xdf:
      return counted(view, position, token === 0xde ? 2 : 4, MAP);
    default:
      return refuse(`type 0x${token.toString(16)} is not allowed`);
  }
}

function numberHeader(view: DataView, position: number, token: number): Header {
  const bytes = NUMBER_BYTES[token - 0xca]!;
  if (token === 0xcf || token === 0xd3) {
    if (position + bytes > view.byteLength) refuse('length is beyond the end');
    const value = token === 0xcf ? view.getBigUint64(position + 1) : view.getBigInt64(position + 1);
    if (!Number.isSafeInteger(Number(value))) refuse('integer is beyond 2^53');
  }
  return scalar(bytes);
}

function scalar(bytes: number, isString = false): Header {
  return { bytes, children: 0, container: ARRAY, isString };
}

function container(bytes: number, children: number, kind: typeof ARRAY | typeof MAP): Header {
  return { bytes, children, container: kind, isString: false };
}

function sized(view: DataView, position: number, lengthBytes: number, isString: boolean): Header {
  return scalar(1 + lengthBytes + lengthAt(view, position + 1, lengthBytes), isString);
}

function counted(view: DataView, position: number, lengthBytes: number, kind: typeof ARRAY | typeof MAP): Header {
  const count = lengthAt(view, position + 1, lengthBytes);
  return container(1 + lengthBytes, kind === MAP ? count * 2 : count, kind);
}

/** An unsigned integer of 1, 2 or 4 bytes. */
function lengthAt(view: DataView, position: number, lengthBytes: number): number {
  if (position + lengthBytes > view.byteLength) refuse('it ends early');
  if (lengthBytes === 1) return view.getUint8(position);
  return lengthBytes === 2 ? view.getUint16(position) : view.getUint32(position);
}
