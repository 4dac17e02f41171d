import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Arena } from '../kernel/arena.js';
import { MAX_WAITING_FRAMES, WAIT_FOR_SESSION_MS, WANTED_INTERVAL_MS, WAITING_BYTES_PER_PEER } from '../limits.js';
import { endsOf, expectedFrames, framesOnTheWire, hex, settle } from '../testing/exchange.js';
import { anyFrame, patternBytes } from '../testing/frame-arbitraries.js';
import { MAX_PEERS } from '../../common/protocol.js';
import { buildRecord } from '../testing/frame-builder.js';
import { installSessions, link, nodeIdOf, TestNode } from '../testing/test-node.js';
import { NOTHING_WAITS, WaitingRecords } from '../tables/waiting-records.js';

/** A step of the property: a frame comes, a session comes, time goes by. */
type Step =
  | { readonly type: 'add'; readonly peer: number; readonly bytes: number }
  | { readonly type: 'take'; readonly peer: number }
  | { readonly type: 'wait'; readonly ms: number };

const RING_BYTES = 4096;
const LONGEST = 900;
const peer = fc.integer({ min: 1, max: 4 });
const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ type: fc.constant('add' as const), peer, bytes: fc.integer({ min: 1, max: LONGEST }) }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('take' as const), peer }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 2000 }) }) },
  ),
  { minLength: 20, maxLength: 200 },
);

describe('the store of waiting frames', () => {
  const arena = new Arena(1 << 20);
  const source = arena.allocate(1024);
  const limits = {
    records: MAX_WAITING_FRAMES,
    keys: MAX_PEERS,
    bytesPerKey: WAITING_BYTES_PER_PEER,
    recordsPerKey: MAX_WAITING_FRAMES,
    waitMs: WAIT_FOR_SESSION_MS,
  };

  function check(all: readonly Step[]): void {
    const waiting = new WaitingRecords(arena, { ...limits, ringBytes: RING_BYTES });
    let expected: { readonly peer: number; readonly bytes: Uint8Array; readonly dueMs: number }[] = [];
    /** All frames that were ever taken in: the ring is held from the oldest of them that waits. */
    const added: typeof expected = [];
    let nowMs = 0;
    const heldBytes = () =>
      added.slice(added.indexOf(expected[0]!)).reduce((sum, { bytes }) => sum + ((bytes.length + 3) & ~3), 0);
    const taken = (at: number) => Buffer.from(arena.u8.subarray(at, at + waiting.length));
    const takeAll = (take: () => number, of: typeof expected) => {
      for (const { bytes } of of) expect(taken(take()).equals(bytes)).toBe(true);
      expect(take()).toBe(NOTHING_WAITS);
      expected = expected.filter((frame) => !of.includes(frame));
    };
    all.forEach((step, seed) => {
      if (step.type === 'add') {
        const bytes = patternBytes(step.bytes, seed);
        arena.u8.set(bytes, source);
        const frame = { peer: step.peer, bytes, dueMs: nowMs + WAIT_FOR_SESSION_MS };
        const isFull = !waiting.add(step.peer, source, step.bytes, nowMs);
        // A frame does not go around the end of the ring: less than a frame is unused at the end, and less than one before the oldest.
        if (isFull) expect(heldBytes()).toBeGreaterThan(RING_BYTES - 2 * LONGEST);
        else [expected, added].forEach((list) => list.push(frame));
      } else if (step.type === 'take') {
        const own = expected.filter((frame) => frame.peer === step.peer);
        takeAll(() => waiting.take(step.peer), own);
      } else {
        nowMs += step.ms;
        const due = expected.filter(({ dueMs }) => dueMs <= nowMs);
        takeAll(() => waiting.takeDue(nowMs), due);
      }
      expect(waiting.dueMs).toBe(Math.min(...expected.map(({ dueMs }) => dueMs)));
    });
  }

  it('gives back what a list would, by peer and by age', () => {
    fc.assert(fc.property(steps, check), { numRuns: 50 });
  });

  it('is full at its number of frames, and takes as many again when they left', () => {
    const waiting = new WaitingRecords(arena, { ...limits, ringBytes: 64 * MAX_WAITING_FRAMES });
    const fill = () => {
      let taken = 0;
      while (waiting.add(1 + (taken % 2000), source, 8, 0)) taken++;
      return taken;
    };
    expect(fill()).toBe(MAX_WAITING_FRAMES);
    while (waiting.takeDue(WAIT_FOR_SESSION_MS) !== NOTHING_WAITS);
    expect(fill()).toBe(MAX_WAITING_FRAMES);
  });
});

describe('frames to a peer without a session', () => {
  let a: TestNode;
  let b: TestNode;
  beforeEach(() => {
    a = new TestNode({ number: 1 });
    b = new TestNode({ number: 2 });
    a.route(b, { number: 3 }, { number: 4 });
    b.route(a);
  });
  afterEach(() => {
    a.close();
    b.close();
  });

  const wanted = () => a.events.flatMap((event) => (event.type === 'sessionWanted' ? [event.peer] : []));
  const records = (count: number, maxSuperBytes = 9000) =>
    fc
      .sample(anyFrame(endsOf(a, b, '4'), { maxPayloadBytes: 1000, maxSuperBytes }), { seed: 5, numRuns: count })
      .map(buildRecord);
  const toOther = (number: number, payloadBytes: number) => {
    const ends = { ...endsOf(a, b, '4'), destination: Uint8Array.of(10, number, 0, 5) };
    const [drawn] = fc.sample(anyFrame(ends, { maxPayloadBytes: 1, maxSuperBytes: 1 }), 1);
    const plain = { ipOptionBytes: 0, fragment: 0, offload: 'none' as const, transport: { kind: 'udp' as const } };
    return buildRecord({ ...drawn!, ...plain, payload: patternBytes(payloadBytes, 1) });
  };

  it('ask for one at once, and leave in order when it is there, before later ones', () => {
    const before = records(20, 2000);
    const later = records(25, 2000).slice(20);
    const drops = a.dropsDuring(() => {
      before.forEach((record) => {
        a.tap.send(record);
        a.tap.send(toOther(3, 100));
      });
      settle([a]);
      expect(wanted()).toEqual([nodeIdOf(2), nodeIdOf(3)]);
      expect(b.waitForDatagram(0)).toBe(false);
      for (const record of later) a.tap.send(record);
      link(a, b);
      settle([a, b]);
    });
    expect(drops).toEqual({});
    expect(hex(framesOnTheWire(b.tap.receiveAll()))).toEqual(hex(expectedFrames([...before, ...later])));
    expect(a.report().peers.find(({ peer }) => peer === b.id)?.txFrames).toBe(25);
  });

  it('ask again after a second, as long as frames come', () => {
    for (const ms of [0, WANTED_INTERVAL_MS - 1, 1]) {
      a.nowMs += ms;
      a.tap.send(toOther(3, 100));
      settle([a]);
    }
    expect(wanted()).toEqual([nodeIdOf(3), nodeIdOf(3)]);
  });

  it('wait as long as there is room for the peer, whatever others hold', () => {
    const count = Math.ceil(WAITING_BYTES_PER_PEER / 1000) + 10;
    const drops = a.dropsDuring(() => {
      for (let i = 0; i < count; i++) {
        a.tap.send(toOther(3, 1000));
        settle([a]);
      }
      a.tap.send(toOther(4, 60_000));
      settle([a]);
    });
    expect(Object.keys(drops)).toEqual(['waitingFull']);
    expect(drops['waitingFull']).toBeGreaterThanOrEqual(10);
    expect(drops['waitingFull']).toBeLessThan(20);
    a.nowMs += WAIT_FOR_SESSION_MS;
    expect(a.dropsDuring(() => settle([a]))).toEqual({ noSession: count - drops['waitingFull']! + 1 });
  });

  it('are dropped with a peer that is removed, and the next peer in its place gets none of them', () => {
    a.tap.send(toOther(3, 100));
    settle([a]);
    expect(a.dropsDuring(() => a.command({ type: 'removePeer', peer: nodeIdOf(3) }))).toEqual({ noSession: 1 });
    expect(a.tap.receiveAll()).toEqual([]);
    installSessions(a, b);
    link(a, b, { epoch: 1 });
    settle([a, b]);
    expect(b.tap.receiveAll()).toEqual([]);
  });
});
