import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { Arena } from '../kernel/arena.js';
import { Counters } from '../tables/counters.js';
import { MAX_UNIT_BYTES } from '../../common/protocol.js';
import { TAG_BYTES } from '../../common/wire/sealed-unit.js';
import { DROP } from '../tables/drop-reasons.js';
import { createFragment } from './fragment.js';
import type { Fragment } from './fragment.js';
import { Reassembly, INCOMPLETE } from './reassembly.js';
import { MAX_INCOMPLETE_UNITS, MAX_INCOMPLETE_UNITS_PER_SESSION } from '../limits.js';
import { patternBytes } from '../testing/frame-arbitraries.js';

const arena = new Arena(24 << 20);
const counters = new Counters();
const reassembly = new Reassembly(arena, counters);
/** Right behind the last place: whatever is written too far lands here. */
const GUARD_BYTES = 4096;
const guard = arena.allocate(GUARD_BYTES);
const fragmentRoom = arena.allocate(70_000);
const SESSIONS = 40;

/** A fragment with its bytes. */
type Piece = Pick<Fragment, 'session' | 'lane' | 'counter' | 'number' | 'fragments' | 'unitBytes'> & {
  readonly content: Uint8Array;
};

beforeEach(() => {
  for (let session = 0; session < SESSIONS; session++) reassembly.forget(session);
  counters.drops.fill(0);
  arena.u8.fill(0x5a, guard, guard + GUARD_BYTES);
});

function add({ content, ...header }: Piece): number {
  arena.u8.set(content, fragmentRoom);
  return reassembly.add({ ...createFragment(), ...header, at: fragmentRoom, bytes: content.length });
}

/** A unit cut as a sender cuts it: equal fragments, the last one shorter or equal. */
function cut(unit: Uint8Array, fragmentBytes: number, of: Pick<Piece, 'session' | 'lane' | 'counter'>): Piece[] {
  const fragments = Math.ceil(unit.length / fragmentBytes);
  return Array.from({ length: fragments }, (_, number) => ({
    ...of,
    number,
    fragments,
    unitBytes: unit.length,
    content: unit.subarray(number * fragmentBytes, (number + 1) * fragmentBytes),
  }));
}

function unitIn(place: number, length: number): Uint8Array {
  return arena.u8.slice(reassembly.unitAt(place), reassembly.unitAt(place) + length);
}

function guardIsWhole(): boolean {
  return arena.u8.subarray(guard, guard + GUARD_BYTES).every((byte) => byte === 0x5a);
}

const cutting = fc
  .record({
    fragments: fc.integer({ min: 2, max: 64 }),
    fragmentBytes: fc.integer({ min: 1, max: 1020 }),
    short: fc.nat(),
  })
  .map(({ fragments, fragmentBytes, short }) => ({
    fragmentBytes,
    bytes: fragments * fragmentBytes - (short % fragmentBytes),
  }))
  .filter(({ bytes }) => bytes >= TAG_BYTES);

describe('incomplete units', () => {
  it('are all in the same memory when they come one after the other', () => {
    const places = Array.from({ length: 100 }, (_, counter) => {
      const unit = patternBytes(3000, counter);
      const whole = cut(unit, 1400, { session: counter % SESSIONS, lane: 0, counter })
        .map(add)
        .at(-1)!;
      const at = reassembly.unitAt(whole);
      expect(unitIn(whole, unit.length)).toEqual(unit);
      reassembly.release(whole);
      return at;
    });
    expect(new Set(places).size).toBe(1);
  });

  it('are complete with their last missing fragment, in any order and with duplicates', () => {
    const order = fc.array(fc.nat(), { minLength: 64, maxLength: 200 });
    fc.assert(
      fc.property(cutting, order, fc.nat(2 ** 31), ({ bytes, fragmentBytes }, picks, counter) => {
        const unit = patternBytes(bytes, counter);
        const fragments = cut(unit, fragmentBytes, { session: 7, lane: 0, counter });
        const sequence = [...picks.map((pick) => pick % fragments.length), ...fragments.keys()];
        const missing = new Set(fragments.keys());
        for (const i of sequence) {
          if (!missing.has(i) && missing.size === 0) break;
          missing.delete(i);
          const place = add(fragments[i]!);
          expect(place === INCOMPLETE).toBe(missing.size > 0);
          if (place === INCOMPLETE) continue;
          expect(Buffer.compare(unitIn(place, bytes), unit)).toBe(0);
          reassembly.release(place);
        }
      }),
      { numRuns: fuzzRuns(8) },
    );
    expect(counters.drops[DROP.reassemblyMismatch]).toBe(0);
  });

  it('are kept apart by session, lane and counter', () => {
    const units = [
      { session: 1, lane: 0, counter: 5 },
      { session: 2, lane: 0, counter: 5 },
      { session: 1, lane: 0, counter: 6 },
    ];
    const cuts = units.map((of, i) => cut(patternBytes(900, i), 300, of));
    for (const fragment of [0, 1]) for (const fragments of cuts) expect(add(fragments[fragment]!)).toBe(INCOMPLETE);
    cuts.forEach((fragments, i) => expect(unitIn(add(fragments[2]!), 900)).toEqual(patternBytes(900, i)));
    // The same counter of another lane is another unit: it takes the place.
    const [first] = cut(patternBytes(900, 9), 300, { session: 1, lane: 0, counter: 9 });
    const others = cut(patternBytes(900, 10), 300, { session: 1, lane: 1, counter: 9 });
    expect(add(first!)).toBe(INCOMPLETE);
    expect(add(others[1]!)).toBe(INCOMPLETE);
    expect(add(others[2]!)).toBe(INCOMPLETE);
    expect(unitIn(add(others[0]!), 900)).toEqual(patternBytes(900, 10));
  });

  it.each<[string, Partial<Piece>]>([
    ['another number of fragments', { fragments: 4 }],
    ['another length of the unit', { unitBytes: 899 }],
    ['another length of a fragment', { content: new Uint8Array(299) }],
    ['a longer fragment', { content: new Uint8Array(301) }],
    ['a last fragment that is longer than the others', { number: 2, content: new Uint8Array(301) }],
    ['a last fragment that leaves a hole', { number: 2, content: new Uint8Array(299) }],
  ])('do not take a fragment that contradicts the others: %s', (_what, change) => {
    const unit = patternBytes(900, 1);
    const fragments = cut(unit, 300, { session: 3, lane: 0, counter: 1 });
    expect(add(fragments[0]!)).toBe(INCOMPLETE);
    expect(add({ ...fragments[1]!, ...change })).toBe(INCOMPLETE);
    expect(counters.drops[DROP.reassemblyMismatch]).toBe(1);
    expect(add(fragments[1]!)).toBe(INCOMPLETE);
    expect(unitIn(add(fragments[2]!), 900)).toEqual(unit);
  });

  it('are displaced by newer ones, which is counted', () => {
    const [old] = cut(patternBytes(900, 1), 300, { session: 3, lane: 0, counter: 1 });
    const newer = { session: 3, lane: 0, counter: 1 + MAX_INCOMPLETE_UNITS_PER_SESSION };
    const fragments = cut(patternBytes(900, 2), 300, newer);
    expect(add(old!)).toBe(INCOMPLETE);
    expect(add(fragments[0]!)).toBe(INCOMPLETE);
    expect(counters.drops[DROP.reassemblyEvicted]).toBe(1);
    expect(add(fragments[1]!)).toBe(INCOMPLETE);
    expect(unitIn(add(fragments[2]!), 900)).toEqual(patternBytes(900, 2));
  });

  it('of one session have MAX_INCOMPLETE_UNITS_PER_SESSION places', () => {
    const units = Array.from({ length: MAX_INCOMPLETE_UNITS_PER_SESSION }, (_, counter) =>
      cut(patternBytes(700, counter), 350, { session: 9, lane: 0, counter }),
    );
    for (const [first] of units) expect(add(first!)).toBe(INCOMPLETE);
    expect(counters.drops[DROP.reassemblyEvicted]).toBe(0);
    units.forEach((fragments, i) => expect(unitIn(add(fragments[1]!), 700)).toEqual(patternBytes(700, i)));
  });

  it('hold the largest unit there is', () => {
    const unit = patternBytes(MAX_UNIT_BYTES, 5);
    const fragments = cut(unit, MAX_UNIT_BYTES / 64, { session: 1, lane: 0, counter: 2 });
    const places = fragments.map(add);
    expect(Buffer.compare(unitIn(places.at(-1)!, unit.length), unit)).toBe(0);
    expect(guardIsWhole()).toBe(true);
  });

  it('never write outside their place, with any header', () => {
    const header = fc.record({
      session: fc.nat(SESSIONS - 1),
      lane: fc.nat(15),
      counter: fc.oneof(fc.nat(200), fc.constantFrom(2 ** 40, 2 ** 48 - 1)),
      fragments: fc.integer({ min: 2, max: 64 }),
      fragment: fc.nat(63),
      unitBytes: fc.oneof(fc.integer({ min: 16, max: 65535 }), fc.integer({ min: 65200, max: 65535 })),
      bytes: fc.oneof(fc.integer({ min: 16, max: 65000 }), fc.integer({ min: 1000, max: 1100 })),
    });
    fc.assert(
      fc.property(fc.array(header, { maxLength: 60 }), (headers) => {
        for (const { fragment, bytes: length, ...rest } of headers) {
          const consistent = { ...rest, number: fragment % rest.fragments };
          // Half of them as a liar would: one that just fits the announced length.
          const bytes = fragment % 2 === 0 ? length : Math.ceil(rest.unitBytes / rest.fragments);
          const place = add({ ...consistent, content: new Uint8Array(bytes).fill(0xee) });
          if (place !== INCOMPLETE) {
            expect(place).toBeLessThan(MAX_INCOMPLETE_UNITS);
            reassembly.release(place);
          }
        }
        expect(guardIsWhole()).toBe(true);
      }),
      { numRuns: fuzzRuns(8) },
    );
  });

  it('are not longer than a unit can be', () => {
    // 64 fragments of 1023 bytes and what is missing to the longest length that the header can say, in every place.
    const last = cut(new Uint8Array(65535).fill(0xee), 1024, { session: 0, lane: 0, counter: 0 })[63]!;
    for (let session = 0; session < SESSIONS; session++) {
      for (let counter = 0; counter < MAX_INCOMPLETE_UNITS_PER_SESSION; counter++) {
        expect(add({ ...last, session, counter })).toBe(INCOMPLETE);
      }
    }
    expect(guardIsWhole()).toBe(true);
    expect(counters.drops[DROP.reassemblyMismatch]).toBe(SESSIONS * MAX_INCOMPLETE_UNITS_PER_SESSION);
  });

  it('are forgotten with their session', () => {
    const unit = patternBytes(900, 1);
    const fragments = cut(unit, 300, { session: 3, lane: 0, counter: 1 });
    add(fragments[0]!);
    add(fragments[1]!);
    reassembly.forget(3);
    expect(add(fragments[2]!)).toBe(INCOMPLETE);
    expect(counters.drops[DROP.reassemblyEvicted]).toBe(0);
  });
});
