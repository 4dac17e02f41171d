/**
 * Stand-in for `mesh/cluster/member-maps.ts` in simulations of many nodes: a key has one number for all nodes, and a map is an
 * array by these numbers. N maps of N entries take an eighth of the memory, and their entries come in the order of the numbers.
 */
import type { Cidr } from '../../../common/address/cidr.js';
import type { NodeId } from '../../../common/node-id.js';
import { bucketOf } from '../../../mesh/cluster/bucket-hashes.js';
import { BUCKETS } from '../../../mesh/limits.js';
import type { Advert } from '../../../mesh/wire/advert.js';

/** Numbers of keys of one kind. Bounded by the nodes of one simulation. */
class Numbers {
  readonly keys: string[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #added: (key: string, number: number) => void;
  /** What was looked up last: as a rule the same key is asked for several times in a row. */
  #lastKey = '';
  #lastNumber = -1;

  constructor(added: (key: string, number: number) => void = () => undefined) {
    this.#added = added;
  }

  /** -1 for a key that no map has ever had. */
  known(key: string): number {
    if (key === this.#lastKey) return this.#lastNumber;
    this.#lastNumber = this.#numbers.get(key) ?? -1;
    this.#lastKey = key;
    return this.#lastNumber;
  }

  /** Asked for next, as a rule. */
  note(key: string, number: number): void {
    this.#lastKey = key;
    this.#lastNumber = number;
  }

  of(key: string): number {
    const known = this.known(key);
    if (known >= 0) return known;
    this.#lastNumber = this.keys.push(key) - 1;
    this.#numbers.set(key, this.#lastNumber);
    this.#added(key, this.#lastNumber);
    return this.#lastNumber;
  }
}

class NumberedMap<Key extends string, Value> {
  readonly #numbers: Numbers;
  #values: (Value | undefined)[] = [];
  #size = 0;

  constructor(numbers: Numbers) {
    this.#numbers = numbers;
  }

  get size(): number {
    return this.#size;
  }

  get(key: Key): Value | undefined {
    return this.at(this.#numbers.known(key));
  }

  at(number: number): Value | undefined {
    return number >= 0 && number < this.#values.length ? this.#values[number] : undefined;
  }

  has(key: Key): boolean {
    return this.get(key) !== undefined;
  }

  set(key: Key, value: Value): this {
    return this.setAt(this.#numbers.of(key), value);
  }

  protected setAt(number: number, value: Value): this {
    if (number >= this.#values.length) this.#grow();
    if (this.#values[number] === undefined) this.#size++;
    this.#values[number] = value;
    return this;
  }

  delete(key: Key): boolean {
    const number = this.#numbers.known(key);
    if (this.at(number) === undefined) return false;
    this.#values[number] = undefined;
    this.#size--;
    return true;
  }

  *[Symbol.iterator](): Generator<[Key, Value]> {
    for (let number = 0; number < this.#values.length; number++) {
      const value = this.#values[number];
      if (value !== undefined) yield [this.#numbers.keys[number] as Key, value];
    }
  }

  *keys(): Generator<Key> {
    for (const [key] of this) yield key;
  }

  *values(): Generator<Value> {
    for (const [, value] of this) yield value;
  }

  /** Room for all keys that are known by now: soon a node knows them too. */
  #grow(): void {
    const values = new Array<Value | undefined>(this.#numbers.keys.length).fill(undefined);
    for (let number = 0; number < this.#values.length; number++) values[number] = this.#values[number];
    this.#values = values;
  }
}

const idsInBucket = Array.from({ length: BUCKETS }, (): number[] => []);
const ids = new Numbers((id, number) => idsInBucket[bucketOf(id as NodeId)]!.push(number));
const names = new Numbers();
const blocks = new Numbers();

export class IdMap<Value> extends NumberedMap<NodeId, Value> {
  constructor() {
    super(ids);
  }
}

/** All nodes of a simulation are fewer than the bounds. */
export class BoundedIdMap<Value> extends IdMap<Value> {
  constructor(readonly maxEntries: number) {
    super();
  }
}

export class NameMap<Value> extends NumberedMap<string, Value> {
  constructor() {
    super(names);
  }
}

/** The numbers of a list of blocks, kept at the list: an advert, which all nodes share, has one. */
const BLOCK_NUMBERS = Symbol('block numbers');

type BlockList = readonly Cidr[] & { [BLOCK_NUMBERS]?: readonly number[] };

export class BlockMap<Value> extends NumberedMap<Cidr, Value> {
  constructor() {
    super(blocks);
  }

  hasAny(list: readonly Cidr[]): boolean {
    for (const number of numbersOf(list)) if (this.at(number) !== undefined) return true;
    return false;
  }

  setAll(list: readonly Cidr[], value: Value): void {
    for (const number of numbersOf(list)) this.setAt(number, value);
  }
}

function numbersOf(list: BlockList): readonly number[] {
  return (list[BLOCK_NUMBERS] ??= list.map((cidr) => blocks.of(cidr)));
}

/** The number of the member, and the advert, kept at its bytes, which all nodes share (`advert.ts`). */
const NUMBER = Symbol('number');
const ADVERT = Symbol('advert');

type Encoded = Uint8Array & { [NUMBER]?: number; [ADVERT]?: Advert };

export class AdvertMap extends IdMap<Advert> {
  holds(bytes: Encoded): boolean {
    const number = bytes[NUMBER];
    return number !== undefined && this.at(number) === bytes[ADVERT];
  }

  ofNode({ id, bytes }: { readonly id: NodeId; readonly bytes?: Encoded }): Advert | undefined {
    const number = bytes?.[NUMBER];
    if (number === undefined) return this.get(id);
    ids.note(id, number);
    return this.at(number);
  }

  override set(id: NodeId, advert: Advert): this {
    const bytes: Encoded = advert.bytes;
    bytes[ADVERT] = advert;
    return this.setAt((bytes[NUMBER] ??= ids.of(id)), advert);
  }

  *inBucket(bucket: number): Generator<Advert> {
    for (const number of idsInBucket[bucket]!) {
      const advert = this.at(number);
      if (advert !== undefined) yield advert;
    }
  }
}
