/**
 * The one door to msgpackr, locked down: plain maps, arrays, strings, numbers, booleans, null and bytes. No records, no
 * extensions (which could build RegExp, Error, Set or cyclic objects from a peer's bytes), no shared structures.
 * Callers bound the size before decoding and check the shape after it.
 */
import { addExtension, Packr, Unpackr } from 'msgpackr';
import { DecodeError, messageOf } from './errors.js';

/** Extension types msgpackr knows by default; each must be refused (0x72, records, is harmless once schema-checked). */
const BUILT_IN_EXTENSIONS = [0x42, 0x62, 0x65, 0x69, 0x70, 0x73, 0x74, 0x78];

for (const type of BUILT_IN_EXTENSIONS) {
  addExtension({
    type,
    unpack: () => {
      throw new DecodeError(`msgpack extension 0x${type.toString(16)} is not allowed`);
    },
  } as unknown as Parameters<typeof addExtension>[0]);
}

const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });

export function encodeMsgpack(value: unknown): Uint8Array {
  return packr.pack(value);
}

/**
 * Decodes exactly one value. The result shares no memory with `bytes`.
 * @param maxBytes the caller's bound; throws {@link DecodeError} beyond it and on anything malformed
 */
export function decodeMsgpack(bytes: Uint8Array, maxBytes: number): unknown {
  if (bytes.length > maxBytes) throw new DecodeError(`message of ${bytes.length} bytes exceeds the limit of ${maxBytes}`);
  try {
    return unpackr.unpack(Uint8Array.prototype.slice.call(bytes));
  } catch (thrown) {
    throw new DecodeError(`not a msgpack value: ${messageOf(thrown)}`);
  }
}
