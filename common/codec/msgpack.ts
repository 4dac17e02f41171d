/**
 * Msgpack codec, the only importer of msgpackr, restricted to plain data: maps, arrays, strings, numbers, booleans, null and
 * bytes. Records, shared structures and extensions, which could build RegExp, Error, Set or cyclic objects from a peer's
 * bytes, are refused by `msgpack-scan.ts` before msgpackr runs. Callers check the shape of the result.
 */
import { Packr, Unpackr } from 'msgpackr';
import { DecodeError, messageOf } from '../errors.js';
import { checkMsgpack } from './msgpack-scan.js';

const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });

export function encodeMsgpack(value: unknown): Uint8Array {
  return packr.pack(value);
}

/**
 * Decodes exactly one value. The result shares no memory with `bytes`; byte strings in it are plain Uint8Arrays.
 * @param maxBytes the caller's bound; throws {@link DecodeError} beyond it and on anything malformed or not plain
 */
export function decodeMsgpack(bytes: Uint8Array, maxBytes: number): unknown {
  if (bytes.length > maxBytes)
    throw new DecodeError(`message of ${bytes.length} bytes exceeds the limit of ${maxBytes}`);
  checkMsgpack(bytes);
  try {
    return unpackr.unpack(new Uint8Array(bytes));
  } catch (thrown) {
    throw new DecodeError(`not a msgpack value: ${messageOf(thrown)}`);
  }
}
