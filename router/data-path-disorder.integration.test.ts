import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Fate } from './testing/relay.js';
import { Relay, untouched } from './testing/relay.js';
import { anyFrame } from './testing/frame-arbitraries.js';
import type { FrameSpec } from './testing/frame-builder.js';
import { buildRecord } from './testing/frame-builder.js';
import { endsOf, exchange, expectedFrames, framesOnTheWire, hex, settle } from './testing/exchange.js';
import { openUnits } from './testing/reference-wire.js';
import { readRecords } from '../common/wire/data-unit.js';
import type { LinkKeys } from './testing/test-node.js';
import { installSessions, link, TestNode } from './testing/test-node.js';
import { WINDOW_UNITS } from './tables/replay-window.js';

let a: TestNode;
let b: TestNode;
let relay: Relay;
let keys: LinkKeys;
let epoch = 0;

beforeAll(() => {
  a = new TestNode({ number: 1 });
  b = new TestNode({ number: 2 });
  relay = new Relay(a, b);
  keys = link(a, b, relay.via);
});
afterAll(() => {
  a.close();
  b.close();
  relay.close();
});

const limits = { maxPayloadBytes: 8900, maxSuperBytes: 30_000 };
/** Few enough that all their units may be incomplete at once. */
const MAX_FRAMES = 4;
const traffic = fc.record({
  picks: fc.array(fc.record({ four: fc.boolean(), seed: fc.nat() }), { minLength: 1, maxLength: MAX_FRAMES }),
  mtuBytes: fc.constantFrom(576, 1280, 1500, 9000),
  fragmentBudget: fc.constantFrom(4, 8, 24, 45),
});
type Traffic = typeof traffic extends fc.Arbitrary<infer T> ? T : never;

function recordsOf({ picks, mtuBytes, fragmentBudget }: Traffic): Uint8Array[] {
  a.command({ type: 'path', path: { peer: b.id, endpoint: relay.via.viaA, mtuBytes } });
  a.forwarder.peers.setFragmentBudget(a.forwarder.peers.find(b.id), fragmentBudget);
  const specs: FrameSpec[] = picks.map(({ four, seed }) => {
    const ends = endsOf(a, b, four ? '4' : '6');
    return fc.sample(anyFrame(ends, limits), { seed, numRuns: 1 })[0]!;
  });
  return specs.filter((spec) => spec.source.length === 4 || spec.ipOptionBytes === 0).map(buildRecord);
}

/** Sends the records through the relay with this fate, and returns the frames that came out, in no order. */
function carry(records: readonly Uint8Array[], fate: Fate, expected: number): string[] {
  relay.fate = fate;
  const received = exchange(a, b, records, { conveyor: relay, expectedFrames: expected });
  relay.fate = untouched;
  return hex(framesOnTheWire(received)).sort();
}

function shuffled<T>(items: readonly T[], seed: number): T[] {
  const keyed = items.map((item, i) => ({ item, key: Math.imul(i + 1, (seed | 1) * 0x9e3779b1) >>> 0 }));
  return keyed.sort((x, y) => x.key - y.key).map(({ item }) => item);
}

describe('datagrams between two nodes', () => {
  it('in any order deliver every frame once', () => {
    fc.assert(
      fc.property(traffic, fc.nat(), (sent, seed) => {
        const records = recordsOf(sent);
        const expected = hex(expectedFrames(records)).sort();
        expect(carry(records, (batch) => shuffled(batch, seed), expected.length)).toEqual(expected);
      }),
      { numRuns: 60 },
    );
    expect(b.drops()).toEqual({});
  });

  it('duplicated and in any order deliver every frame once', () => {
    fc.assert(
      fc.property(traffic, fc.nat(), (sent, seed) => {
        const records = recordsOf(sent);
        const expected = hex(expectedFrames(records)).sort();
        const twice: Fate = (batch) => shuffled([...batch, ...batch], seed);
        expect(carry(records, twice, expected.length)).toEqual(expected);
        settle([a, b], relay);
        expect(b.tap.receiveAll()).toEqual([]);
      }),
      { numRuns: 40 },
    );
    // Only what comes again after its unit was opened.
    expect(Object.keys(b.drops())).toEqual(['replayed']);
  });

  it('deliver exactly the units of which none was lost', () => {
    fc.assert(
      fc.property(traffic, fc.nat(), fc.integer({ min: 2, max: 20 }), (sent, seed, oneIn) => {
        const records = recordsOf(sent);
        const survivors: Uint8Array[] = [];
        const lossy: Fate = (batch) => {
          const kept = shuffled(batch, seed).filter((_, i) => i % oneIn !== 0);
          survivors.push(...kept);
          return kept;
        };
        relay.fate = lossy;
        const received = exchange(a, b, records, { conveyor: relay });
        relay.fate = untouched;
        const key = { cipher: keys.cipher, baseKey: keys.keyAB, index: keys.indexB };
        const whole = openUnits(key, survivors).flatMap(({ plain }) => readRecords(plain));
        expect(hex(framesOnTheWire(received)).sort()).toEqual(hex(expectedFrames(whole)).sort());
      }),
      { numRuns: 60 },
    );
  });

  it('are refused when replayed, at once and after the window moved on', () => {
    const records = recordsOf({ picks: [{ four: true, seed: 3 }], mtuBytes: 1500, fragmentBudget: 8 });
    relay.seen.length = 0;
    carry(records, untouched, expectedFrames(records).length);
    const old = [...relay.seen];
    const again = (): void => {
      for (const datagram of old) relay.inject(datagram);
      settle([a, b], relay);
    };
    expect(b.dropsDuring(again)).toEqual({ replayed: old.length });
    for (let unit = 0; unit < WINDOW_UNITS + 10; unit++) {
      a.tap.send(records[0]!);
      a.turn();
      if (unit % 32 !== 0) continue;
      settle([a, b], relay);
      b.tap.receiveAll();
    }
    settle([a, b], relay);
    b.tap.receiveAll();
    expect(b.dropsDuring(again)).toEqual({ replayed: old.length });
    expect(b.tap.receiveAll()).toEqual([]);
  });

  it('of an old and a new session at once lose no frame', () => {
    fc.assert(
      fc.property(fc.array(traffic, { minLength: 2, maxLength: 4 }), fc.nat(), (rounds, seed) => {
        const held: Uint8Array[] = [];
        const hold: Fate = (batch) => {
          held.push(...batch);
          return [];
        };
        const expected: string[] = [];
        const previous: LinkKeys[] = [];
        rounds.forEach((sent, i) => {
          const records = recordsOf(sent);
          expected.push(...hex(expectedFrames(records)));
          relay.fate = hold;
          exchange(a, b, records, { conveyor: relay });
          previous.push(keys);
          keys = installSessions(a, b, { epoch: ++epoch, cipher: i % 2 === 0 ? 'chacha20-poly1305' : 'aes-256-gcm' });
          a.command({ type: 'activateSession', localIndex: keys.indexA });
        });
        relay.fate = untouched;
        for (const datagram of shuffled(held, seed)) relay.inject(datagram);
        const received = exchange(a, b, [], { conveyor: relay, expectedFrames: expected.length });
        expect(hex(framesOnTheWire(received)).sort()).toEqual(expected.sort());
        for (const { indexA, indexB } of previous) {
          a.command({ type: 'removeSession', localIndex: indexA });
          b.command({ type: 'removeSession', localIndex: indexB });
        }
      }),
      { numRuns: 25 },
    );
  });

  it('of a removed session are dropped as unknownSession', () => {
    const records = recordsOf({ picks: [{ four: true, seed: 3 }], mtuBytes: 1500, fragmentBudget: 8 });
    relay.seen.length = 0;
    carry(records, untouched, expectedFrames(records).length);
    const old = [...relay.seen];
    const previous = keys;
    keys = installSessions(a, b, { epoch: ++epoch });
    a.command({ type: 'activateSession', localIndex: keys.indexA });
    b.command({ type: 'removeSession', localIndex: previous.indexB });
    const drops = b.dropsDuring(() => {
      for (const datagram of old) relay.inject(datagram);
      settle([a, b], relay);
    });
    expect(drops).toEqual({ unknownSession: old.length });
  });
});
