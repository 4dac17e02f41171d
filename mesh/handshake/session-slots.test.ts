import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { MAX_SESSION_SLOT } from '../limits.js';
import { SessionSlots } from './session-slots.js';
import { SeededRandom } from '../testing/seeded-random.js';

describe('session slots', () => {
  it('are never given out twice while in use, whatever the order', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constant('allocate'), fc.constant('reserve'), fc.nat(50))), (steps) => {
        const slots = new SessionSlots(new SeededRandom(1));
        const used: number[] = [];
        for (const step of steps) {
          if (step === 'allocate') used.push(slots.allocate()!);
          else if (step === 'reserve') {
            const index = 0xabcd0000 + used.length + 3;
            if (slots.reserve(index)) used.push(index);
          } else if (used.length > 0) slots.release(used.splice(Number(step) % used.length, 1)[0]!);
          const low = used.map((index) => index & 0xffff);
          expect(new Set(low).size).toBe(low.length);
          expect(low.every((slot) => slot >= 1 && slot <= MAX_SESSION_SLOT)).toBe(true);
          expect(slots.count).toBe(used.length);
        }
      }),
      { numRuns: fuzzRuns(40) },
    );
  });

  it('run out instead of being reused', () => {
    const slots = new SessionSlots(new SeededRandom(1));
    for (let i = 0; i < MAX_SESSION_SLOT; i++) slots.allocate();
    expect(slots.allocate()).toBeNull();
    slots.release(77);
    expect(slots.allocate()! & 0xffff).toBe(77);
  });

  it('refuse an index whose slot the router cannot have', () => {
    const slots = new SessionSlots(new SeededRandom(1));
    expect(slots.reserve(0x10000)).toBe(false);
    expect(slots.reserve(0x1ffff)).toBe(false);
  });
});
