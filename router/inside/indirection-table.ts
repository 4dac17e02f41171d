/**
 * Indirection table: the TAP queue of each flow, and so its lane, by a hash of the flow (the idea of receive side scaling in
 * network cards). Shared by all forwarding threads. A thread that carries much more than another one moves some of its
 * flows there, since a hash alone puts four streams on one of two lanes once in eight times.
 *
 * ```
 *   flow -> hash -> bucket 0 .. 255 -> queue 0 .. lanes x queues - 1 -> lane = queue / queues
 * ```
 *
 * The load of a bucket is the number of frames written to the TAP for it: data in one direction, acknowledgements in the
 * other. Both nodes of a flow see about the same proportions, and so mostly move the same flows. Where only one does, the
 * answers of a flow come by another lane than its packets and keep two threads of each node busy: so a bucket goes home, to the
 * lane of the first table, which is the same on all nodes, as soon as that overloads nothing.
 */
const BUCKETS = 256;
/** Fewer frames in an interval than this are no load worth moving: about 1000 a second. */
const MIN_FRAMES = 200;
/** A lane is overloaded with this many times the frames of another one. */
const OVERLOAD = 1.5;
/** A bucket is moved when it has this share of the difference of two lanes: less gains nothing, more would only swap them. */
const MIN_SHARE = 0.125;
const MAX_SHARE = 0.75;

/** Interval between two looks of a thread at its load. */
export const BALANCE_INTERVAL_MS = 200;

export interface IndirectionShape {
  readonly lanes: number;
  /** TAP queues of each lane. */
  readonly queuesPerLane: number;
}

export class IndirectionTable {
  readonly #queues: Uint8Array;
  /** Frames written, by writing lane and bucket. Each thread writes its own row only. */
  readonly #frames: Uint32Array;
  /** Totals of all rows at the last look of this thread. */
  readonly #before = new Float64Array(BUCKETS);
  readonly #loads = new Float64Array(BUCKETS);
  readonly #row: number;

  /**
   * @param memory of {@link IndirectionTable.createMemory}, the same for all threads
   * @param lane of the thread
   */
  constructor(
    memory: SharedArrayBuffer,
    private readonly shape: IndirectionShape,
    private readonly lane: number,
  ) {
    this.#queues = new Uint8Array(memory, 0, BUCKETS);
    this.#frames = new Uint32Array(memory, BUCKETS);
    this.#row = lane * BUCKETS;
  }

  static createMemory({ lanes, queuesPerLane }: IndirectionShape): SharedArrayBuffer {
    const memory = new SharedArrayBuffer(BUCKETS + lanes * BUCKETS * 4);
    const queues = lanes * queuesPerLane;
    new Uint8Array(memory, 0, BUCKETS).forEach((_, bucket, all) => (all[bucket] = firstQueue(bucket, queues)));
    return memory;
  }

  /** The queue of a flow, for a frame that this thread writes now. @param hash 32 bits, of either sign */
  take(hash: number): number {
    const bucket = hash >>> 24;
    const at = this.#row + bucket;
    this.#frames[at] = this.#frames[at]! + 1;
    return this.#queues[bucket]!;
  }

  /**
   * Moves at most one bucket of this lane to the lane with the least load, and those home that need not be here. To be called
   * every BALANCE_INTERVAL_MS.
   */
  balance(): void {
    if (this.shape.lanes === 1) return;
    this.#measure();
    const laneLoads = this.#laneLoads();
    this.#sendHome(laneLoads);
    const least = laneLoads.indexOf(Math.min(...laneLoads));
    const own = laneLoads[this.lane]!;
    const difference = own - laneLoads[least]!;
    if (own < MIN_FRAMES || own < OVERLOAD * laneLoads[least]!) return;
    const bucket = this.#loads.findIndex(
      (load, i) => this.#laneOf(i) === this.lane && load >= MIN_SHARE * difference && load <= MAX_SHARE * difference,
    );
    if (bucket !== -1) this.#queues[bucket] = least * this.shape.queuesPerLane + (bucket % this.shape.queuesPerLane);
  }

  /** Buckets that are idle, or whose home would have no more to do with them than this lane has. Keeps `laneLoads` true. */
  #sendHome(laneLoads: number[]): void {
    const { lanes, queuesPerLane } = this.shape;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      if (this.#laneOf(bucket) !== this.lane) continue;
      const queue = firstQueue(bucket, lanes * queuesPerLane);
      const home = Math.floor(queue / queuesPerLane);
      const load = this.#loads[bucket]!;
      if (home === this.lane || (load > 0 && laneLoads[home]! + load > laneLoads[this.lane]!)) continue;
      this.#queues[bucket] = queue;
      laneLoads[home]! += load;
      laneLoads[this.lane]! -= load;
    }
  }

  /** Load of each bucket since the last look. */
  #measure(): void {
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      let total = 0;
      for (let row = bucket; row < this.#frames.length; row += BUCKETS) total += this.#frames[row]!;
      // Rows count modulo 2^32.
      this.#loads[bucket] = (total - this.#before[bucket]! + 2 ** 32) % 2 ** 32;
      this.#before[bucket] = total;
    }
  }

  #laneLoads(): number[] {
    const loads = Array.from({ length: this.shape.lanes }, () => 0);
    this.#loads.forEach((load, bucket) => (loads[this.#laneOf(bucket)]! += load));
    return loads;
  }

  #laneOf(bucket: number): number {
    return Math.floor(this.#queues[bucket]! / this.shape.queuesPerLane);
  }
}

/** The queue of a bucket in the first table, of all `queues`. */
const firstQueue = (bucket: number, queues: number): number => bucket % queues;

/** The TAP queues of all threads, as many for each. */
export interface SharedQueues {
  readonly tapFds: readonly number[];
  readonly lanes: number;
}

export function shapeOf({ tapFds, lanes }: SharedQueues): IndirectionShape {
  return { lanes, queuesPerLane: tapFds.length / lanes };
}

/** The range of `tapFds` that the thread of `lane` reads. */
export function ownQueues({ lane, ...shared }: SharedQueues & { readonly lane: number }): {
  readonly first: number;
  readonly count: number;
} {
  const { queuesPerLane } = shapeOf(shared);
  return { first: lane * queuesPerLane, count: queuesPerLane };
}
