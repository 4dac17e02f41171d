/**
 * Maps with an entry for each member. In a file of their own since the simulator has others in their place
 * (`test/simulator/fast/member-maps.ts`): it holds all maps of all nodes.
 */
import type { Cidr } from '../../common/address/cidr.js';
import { BoundedMap } from '../../common/bounded-map.js';
import type { NodeId } from '../../common/node-id.js';
import { BUCKETS } from '../limits.js';
import type { Advert } from '../wire/advert.js';
import { SIGNATURE_BYTES } from '../wire/curve-keys.js';
import { bucketOf } from './bucket-hashes.js';

export class IdMap<Value> extends Map<NodeId, Value> {}

/** For what is kept of nodes that are no members too. */
export class BoundedIdMap<Value> extends BoundedMap<NodeId, Value> {}

export class NameMap<Value> extends Map<string, Value> {}

export class BlockMap<Value> extends Map<Cidr, Value> {
  hasAny(blocks: readonly Cidr[]): boolean {
    return blocks.some((cidr) => this.has(cidr));
  }

  setAll(blocks: readonly Cidr[], value: Value): void {
    for (const cidr of blocks) this.set(cidr, value);
  }
}

/** By bucket, so that one is listed without a look at the others. */
export class AdvertMap {
  readonly #buckets = Array.from({ length: BUCKETS }, () => new Map<NodeId, Advert>());
  /** By a part of the signature. Of two that are alike in it, one is here. Bounded by the members. */
  readonly #bySignature = new Map<number, Advert>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: NodeId): Advert | undefined {
    return this.#bucketOf(id).get(id);
  }

  /** The advert of the node that this entry, or another advert, is about. */
  ofNode({ id }: { readonly id: NodeId }): Advert | undefined {
    return this.get(id);
  }

  /** Whether one of exactly these bytes is here: most adverts that come are such copies, and are not even decoded then. */
  holds(bytes: Uint8Array): boolean {
    const advert = this.#bySignature.get(signaturePart(bytes));
    return advert !== undefined && Buffer.compare(advert.bytes, bytes) === 0;
  }

  set(id: NodeId, advert: Advert): void {
    const bucket = this.#bucketOf(id);
    this.#forgetBytes(bucket.get(id));
    if (!bucket.has(id)) this.#size++;
    bucket.set(id, advert);
    this.#bySignature.set(signaturePart(advert.bytes), advert);
  }

  delete(id: NodeId): void {
    const bucket = this.#bucketOf(id);
    this.#forgetBytes(bucket.get(id));
    if (bucket.delete(id)) this.#size--;
  }

  *keys(): Generator<NodeId> {
    for (const bucket of this.#buckets) yield* bucket.keys();
  }

  *values(): Generator<Advert> {
    for (const bucket of this.#buckets) yield* bucket.values();
  }

  inBucket(bucket: number): Iterable<Advert> {
    return this.#buckets[bucket]!.values();
  }

  #forgetBytes(advert: Advert | undefined): void {
    if (advert === undefined) return;
    const part = signaturePart(advert.bytes);
    if (this.#bySignature.get(part) === advert) this.#bySignature.delete(part);
  }

  #bucketOf(id: NodeId): Map<NodeId, Advert> {
    return this.#buckets[bucketOf(id)]!;
  }
}

/** The first 31 bits of the signature, with which an advert ends: a number that needs no memory of its own. */
function signaturePart(bytes: Uint8Array): number {
  const at = bytes.length - SIGNATURE_BYTES;
  return at < 0 ? 0 : ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >> 1;
}
