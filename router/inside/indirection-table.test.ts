import { describe, expect, it } from '@jest/globals';
import { IndirectionTable } from './indirection-table.js';

const shape = { lanes: 2, queuesPerLane: 8 };
/** A hash that falls into this bucket. */
const inBucket = (bucket: number) => bucket << 24;

function tables(of = shape): IndirectionTable[] {
  const memory = IndirectionTable.createMemory(of);
  return Array.from({ length: of.lanes }, (_, lane) => new IndirectionTable(memory, of, lane));
}

/** Writes `frames` frames of each bucket in an interval, each by the thread of its lane, then lets all threads look. */
function interval(threads: readonly IndirectionTable[], frames: Readonly<Record<number, number>>): void {
  for (const [bucket, count] of Object.entries(frames)) {
    const hash = inBucket(Number(bucket));
    const lane = laneOf(threads, Number(bucket));
    for (let i = 0; i < count; i++) threads[lane]!.take(hash);
  }
  for (const thread of threads) thread.balance();
}

const laneOf = (threads: readonly IndirectionTable[], bucket: number) =>
  Math.floor(threads[0]!.take(inBucket(bucket)) / shape.queuesPerLane);

describe('the indirection table', () => {
  it('spreads buckets evenly over the queues of all lanes', () => {
    const [table] = tables();
    const counts = Array<number>(16).fill(0);
    for (let bucket = 0; bucket < 256; bucket++) counts[table!.take(inBucket(bucket))]!++;
    expect(counts).toEqual(Array<number>(16).fill(16));
  });

  it('gives threads the same queue for a flow', () => {
    const [one, other] = tables();
    expect(one!.take(inBucket(200))).toBe(other!.take(inBucket(200)));
  });

  it.each([
    ['four streams of one lane', { 0: 100, 1: 100, 2: 100, 3: 100 }],
    ['three streams of one lane and one of the other', { 0: 100, 1: 100, 2: 100, 8: 100 }],
  ])('parts %s two and two', (_, frames) => {
    const threads = tables();
    for (let i = 0; i < 4; i++) interval(threads, frames);
    const lanes = Object.keys(frames).map((bucket) => laneOf(threads, Number(bucket)));
    expect(lanes.filter((lane) => lane === 0)).toHaveLength(2);
  });

  it.each([
    ['a single stream', { 0: 5000 }],
    ['lanes with about the same load', { 0: 500, 1: 450, 8: 480, 9: 400 }],
    ['little traffic', { 0: 40, 1: 40, 2: 40 }],
  ])('moves nothing of %s', (_, frames) => {
    const threads = tables();
    for (let i = 0; i < 5; i++) interval(threads, frames);
    expect(Object.keys(frames).map((bucket) => laneOf(threads, Number(bucket)))).toEqual(
      Object.keys(frames).map((bucket) => (Number(bucket) < 8 ? 0 : 1)),
    );
  });

  it('takes a moved stream home when it is alone', () => {
    const threads = tables();
    interval(threads, { 0: 100, 1: 100, 2: 100, 3: 100 });
    expect(laneOf(threads, 0)).toBe(1);
    interval(threads, { 0: 400 });
    expect(laneOf(threads, 0)).toBe(0);
  });

  it('takes a moved bucket home when it is idle', () => {
    const threads = tables();
    interval(threads, { 0: 100, 1: 100, 2: 100, 3: 100 });
    interval(threads, { 1: 500, 8: 400 });
    expect(laneOf(threads, 0)).toBe(0);
  });

  it('agrees with the other node of a flow again when only one of them moved it', () => {
    const [here, there] = [tables(), tables()];
    interval(here, { 0: 100, 1: 300 }); // The end of one stream and the beginning of another, in one look of this node.
    interval(there, { 1: 400 });
    expect(laneOf(here, 0)).not.toBe(laneOf(there, 0));
    for (const threads of [here, there]) interval(threads, { 0: 400 });
    expect(laneOf(here, 0)).toBe(laneOf(there, 0));
  });

  it('looks at the load since the last look only', () => {
    const threads = tables();
    interval(threads, { 0: 5000 });
    interval(threads, { 0: 300, 8: 300, 9: 300, 10: 300 });
    expect([0, 8, 9].map((bucket) => laneOf(threads, bucket))).toEqual([0, 0, 1]);
  });

  it('has one lane where there is one', () => {
    const [table] = tables({ lanes: 1, queuesPerLane: 8 });
    for (let i = 0; i < 5000; i++) table!.take(inBucket(1));
    table!.balance();
    expect(table!.take(inBucket(1))).toBe(1);
  });
});
