/**
 * Hashes of all adverts that a node knows, in buckets by the last byte of the id: two nodes that compare them find the buckets in
 * which they differ. A bucket's hash is the XOR of its adverts' hashes, so it follows each change without a look at the others.
 *
 *     hash of an advert = SHA-256("heddle/2 entry" || node id, 16 || revision, u64), first 8 bytes
 *
 * Who makes up many members can make a bucket's hash equal all the same, and so hide a change that the push has missed.
 */
import { createHash } from 'node:crypto';
import type { NodeId } from '../../common/node-id.js';
import { BUCKETS, BUCKET_HASH_BYTES } from '../limits.js';
import type { Advert } from '../wire/advert.js';
import { bytesOfCount, bytesOfId } from '../wire/wire-schema.js';

const HASH_LABEL = 'heddle/2 entry';

const FIRST_DECIMAL = '0'.charCodeAt(0);
const LAST_DECIMAL = '9'.charCodeAt(0);
const LETTER_OFFSET = 'a'.charCodeAt(0) - 10;

/** Each advert is hashed when it comes and when it goes. */
const hashes = new WeakMap<Advert, Uint8Array>();

export class BucketHashes {
  readonly #bytes = new Uint8Array(BUCKETS * BUCKET_HASH_BYTES);

  /** Adds an advert, or takes it away. */
  toggle(advert: Advert): void {
    toggle(this.#bytes, advert);
  }

  /** The hashes of all buckets, with one more advert: the node's own. */
  with(own: Advert): Uint8Array {
    const bytes = new Uint8Array(this.#bytes);
    toggle(bytes, own);
    return bytes;
  }
}

export function bucketOf(id: NodeId): number {
  return (16 * digit(id.charCodeAt(id.length - 2)) + digit(id.charCodeAt(id.length - 1))) % BUCKETS;
}

/** Of a hexadecimal digit, its value: asked for every look-up of a member. */
function digit(code: number): number {
  return code > LAST_DECIMAL ? code - LETTER_OFFSET : code - FIRST_DECIMAL;
}

/** The buckets whose hashes differ. */
export function differingBuckets(a: Uint8Array, b: Uint8Array): number[] {
  const buckets = new Set<number>();
  a.forEach((byte, at) => byte !== b[at] && buckets.add(Math.floor(at / BUCKET_HASH_BYTES)));
  return [...buckets];
}

function toggle(bytes: Uint8Array, advert: Advert): void {
  const start = bucketOf(advert.id) * BUCKET_HASH_BYTES;
  const hash = hashOf(advert);
  for (let i = 0; i < BUCKET_HASH_BYTES; i++) bytes[start + i]! ^= hash[i]!;
}

function hashOf(advert: Advert): Uint8Array {
  const known = hashes.get(advert);
  if (known !== undefined) return known;
  const named = createHash('sha256').update(HASH_LABEL).update(bytesOfId(advert.id));
  const digest = named.update(bytesOfCount(advert.revision)).digest();
  const hash = new Uint8Array(digest.subarray(0, BUCKET_HASH_BYTES));
  hashes.set(advert, hash);
  return hash;
}
