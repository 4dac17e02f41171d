/**
 * Maps with an entry for each member. In a file of their own since the simulator has others in their place
 * (`test/simulator/fast/member-maps.ts`): it holds all maps of all nodes.
 */
import type { Cidr } from '../../common/address/cidr.js';
import type { NodeId } from '../../common/node-id.js';
import { BUCKETS } from '../limits.js';
import type { Advert } from '../wire/advert.js';
import { bucketOf } from './bucket-hashes.js';

export class IdMap<Value> extends Map<NodeId, Value> {}

export class NameMap<Value> extends Map<string, Value> {}

export class BlockMap<Value> extends Map<Cidr, Value> {}

/** By bucket, so that one is listed without a look at the others. */
export class AdvertMap {
  readonly #buckets = Array.from({ length: BUCKETS }, () => new Map<NodeId, Advert>());
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: NodeId): Advert | undefined {
    return this.#bucketOf(id).get(id);
  }

  set(id: NodeId, advert: Advert): void {
    const bucket = this.#bucketOf(id);
    if (!bucket.has(id)) this.#size++;
    bucket.set(id, advert);
  }

  delete(id: NodeId): void {
    if (this.#bucketOf(id).delete(id)) this.#size--;
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

  #bucketOf(id: NodeId): Map<NodeId, Advert> {
    return this.#buckets[bucketOf(id)]!;
  }
}
