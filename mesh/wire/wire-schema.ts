/**
 * Schemas of the fields of messages and adverts. Every message is an array: a field is known by its position and checked
 * strictly; fields behind the known ones are ignored, so that a later version can append some.
 */
import { Type } from 'typebox';
import type { TSchema, TTuple } from 'typebox';
import { decodeMsgpack } from '../../common/codec/msgpack.js';
import { DecodeError } from '../../common/errors.js';
import { NODE_ID_BYTES } from '../../common/node-id.js';
import type { NodeId } from '../../common/node-id.js';

const MAX_COUNT = Number.MAX_SAFE_INTEGER;

/** A byte string of `min` to `max` bytes. */
export function Bytes(min: number, max = min) {
  return Type.Refine(Type.Unsafe<Uint8Array>({}), (value) => {
    return (value as unknown) instanceof Uint8Array && value.length >= min && value.length <= max;
  });
}

/** A node id, as bytes. */
export const Id = Bytes(NODE_ID_BYTES);

export function idOf(bytes: Uint8Array): NodeId {
  return Buffer.from(bytes).toString('hex') as NodeId;
}

export function bytesOfId(id: NodeId): Uint8Array {
  return Buffer.from(id, 'hex');
}

/** Of a count, 64 bits big endian, as hashes and signatures cover it. */
export function bytesOfCount(count: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(count));
  return bytes;
}

/** An unsigned integer that a double holds exactly. */
export function Count(maximum = MAX_COUNT) {
  return Type.Integer({ minimum: 0, maximum });
}

/** A finite number of at least zero. */
export function Quantity() {
  return Type.Number({ minimum: 0, maximum: MAX_COUNT });
}

export function Text(maxLength: number, minLength = 0) {
  return Type.String({ minLength, maxLength });
}

/** The fields in order; more may follow. */
export function Fields<Items extends TSchema[]>(...items: [...Items]): TTuple<Items> {
  return Type.Tuple(items, { additionalItems: true });
}

export function ListOf<Item extends TSchema>(item: Item, maxItems: number) {
  return Type.Array(item, { maxItems });
}

/** Decodes and checks. Throws {@link DecodeError} naming `what`. */
export function decodeAs<Value>(
  check: { Check(value: unknown): value is Value },
  bytes: Uint8Array,
  maxBytes: number,
  what: string,
): Value {
  const value = decodeMsgpack(bytes, maxBytes);
  if (!check.Check(value)) throw new DecodeError(`${what} does not have the expected fields`);
  return value;
}
