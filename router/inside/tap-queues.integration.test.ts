import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Arena } from '../kernel/arena.js';
import { createParsedFrame, ETHERNET_BYTES, FRAME_IPV6, parseFrame } from '../packet/frame.js';
import type { TapQueues } from './tap-queues.js';
import { anyFrame } from '../testing/frame-arbitraries.js';
import { buildRecord, VIRTIO_BYTES } from '../testing/frame-builder.js';
import { queuesOf } from '../testing/queues.js';
import { PacketPair } from '../testing/packet-pair.js';

const ROOM_BYTES = 128 << 10;
const arena = new Arena(1 << 20);
const ROOM = arena.allocate(ROOM_BYTES, 4096);
const ALL = -1;

const ends = (bytes: number) => {
  const address = fc.uint8Array({ minLength: bytes, maxLength: bytes });
  return fc.record({ source: address, destination: address });
};
const frames = fc.oneof(ends(4), ends(16)).chain((e) => anyFrame(e, { maxPayloadBytes: 1400, maxSuperBytes: 20_000 }));

let pairs: PacketPair[] = [];
afterEach(() => pairs.forEach((pair) => pair.close()));

function open(count: number): TapQueues {
  pairs = Array.from({ length: count }, () => new PacketPair());
  return queuesOf(
    arena,
    pairs.map((pair) => pair.near),
  );
}

/** Puts a frame of so many bytes, filled with the queue's number, into a queue. */
function send(queue: number, bytes: number): void {
  pairs[queue]!.send(new Uint8Array(bytes).fill(queue));
}

/** The queue numbers of the next frames, in order, until there are none or `most` were read. */
function take(queues: TapQueues, most = Infinity): number[] {
  const order: number[] = [];
  while (order.length < most && queues.read(ROOM, ROOM_BYTES) > 0) order.push(arena.u8[ROOM]!);
  return order;
}

describe('the queues of the TAP', () => {
  it('are first in, first out each', () => {
    const queues = open(3);
    for (let i = 0; i < 5; i++) send(1, 100 + i);
    queues.setReady(ALL);
    const lengths = Array.from({ length: 6 }, () => queues.read(ROOM, ROOM_BYTES));
    expect(lengths).toEqual([100, 101, 102, 103, 104, 0]);
  });

  it('are served in turn: large frames in one do not delay small ones in another', () => {
    const queues = open(4);
    for (let i = 0; i < 10; i++) send(0, 60_000);
    for (let i = 0; i < 3; i++) send(2, 100);
    queues.setReady(ALL);
    expect(take(queues)).toEqual([0, 2, 2, 2, ...Array<number>(9).fill(0)]);
  });

  it('get equal shares', () => {
    const queues = open(2);
    for (let i = 0; i < 12; i++) send(0, 30_000);
    for (let i = 0; i < 12; i++) send(1, 30_000);
    queues.setReady(ALL);
    const first = take(queues, 12);
    expect(first.filter((queue) => queue === 0)).toHaveLength(6);
  });

  it('are served from the same position on in the next batch', () => {
    const queues = open(2);
    for (let i = 0; i < 4; i++) [0, 1].forEach((queue) => send(queue, 60_000));
    const order: number[] = [];
    for (let batch = 0; batch < 4; batch++) {
      queues.setReady(ALL);
      order.push(...take(queues, 1));
    }
    expect(order).toEqual([0, 1, 0, 1]);
  });

  it('are read only when marked as ready', () => {
    const queues = open(2);
    send(0, 100);
    send(1, 100);
    queues.setReady(0b10);
    expect(take(queues)).toEqual([1]);
    queues.setReady(0);
    expect(take(queues)).toEqual([]);
  });

  it('are chosen by flow, the same one in both directions', () => {
    const queues = open(4);
    const parsed = createParsedFrame();
    const seen = new Set<number>();
    fc.assert(
      fc.property(frames, (spec) => {
        arena.u8.set(buildRecord(spec), ROOM);
        const frame = ROOM + VIRTIO_BYTES;
        const l3 = frame + ETHERNET_BYTES;
        const kind = parseFrame(arena, frame, ROOM_BYTES, parsed);
        const ipv6 = kind === FRAME_IPV6;
        const there = queues.fdFor(l3, ipv6);
        swapEnds(l3, ipv6);
        expect(queues.fdFor(l3, ipv6)).toBe(there);
        seen.add(pairs.findIndex(({ near }) => near === there));
      }),
    );
    expect([...seen].sort()).toEqual([0, 1, 2, 3]);
  });
});

/** Source and destination change places, ports too where the first word behind the header is taken for them. */
function swapEnds(l3: number, ipv6: boolean): void {
  const { u8 } = arena;
  const swap = (a: number, b: number, bytes: number) => {
    const kept = u8.slice(a, a + bytes);
    u8.copyWithin(a, b, b + bytes);
    u8.set(kept, b);
  };
  if (ipv6) swap(l3 + 8, l3 + 24, 16);
  else swap(l3 + 12, l3 + 16, 4);
  const l4 = l3 + (ipv6 ? 40 : 20);
  if (ipv6 || u8[l3] === 0x45) swap(l4, l4 + 2, 2);
}
