import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../test/fuzz/fuzz-runs.js';
import { applyDifference, differenceOf } from './document-difference.js';

describe('the difference of two documents', () => {
  it('is what changed, by field and by place', () => {
    const before = {
      at: 1,
      rows: [
        { id: 'a', rtt: 1 },
        { id: 'b', rtt: 2 },
      ],
      gone: true,
    };
    const after = { at: 1, rows: [{ id: 'a', rtt: 1 }, { id: 'b', rtt: 3 }, { id: 'c' }] };
    expect(differenceOf(before, after)).toEqual({
      rows: { 1: { rtt: [3] }, 2: [{ id: 'c' }], length: [3] },
      gone: [],
    });
    expect(differenceOf(before, { ...before })).toBeNull();
  });

  it('gives the second document when it is applied to the first, also after it was sent as JSON', () => {
    const document = fc
      .json({ maxDepth: 4 })
      .filter((text) => !text.includes('__proto__'))
      .map((text) => JSON.parse(text) as unknown);
    fc.assert(
      fc.property(document, document, (before, after) => {
        const difference = differenceOf(before, after);
        if (difference === null) return expect(after).toEqual(before);
        const sent = JSON.parse(JSON.stringify(difference)) as typeof difference;
        expect(applyDifference(before, sent)).toEqual(after);
      }),
      { numRuns: fuzzRuns(40) },
    );
  });

  it('shares what did not change, and changes neither document', () => {
    const before = { a: { deep: [1, 2] }, b: 1 };
    const after = applyDifference(before, { b: [2] }) as typeof before;
    expect(after).toEqual({ a: { deep: [1, 2] }, b: 2 });
    expect(after.a).toBe(before.a);
    expect(before.b).toBe(1);
  });

  it('does not fit a document of another shape', () => {
    expect(applyDifference(3, { a: [1] })).toBeUndefined();
  });
});
