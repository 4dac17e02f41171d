import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { anyFrame, stream } from './testing/frame-arbitraries.js';
import { buildRecord } from './testing/frame-builder.js';
import { endsOf, exchange, expectedFrames, framesOnTheWire, hex } from './testing/exchange.js';
import { link, TestNode } from './testing/test-node.js';

const a = new TestNode({ number: 1 });
const b = new TestNode({ number: 2 });
link(a, b);
afterAll(() => {
  a.close();
  b.close();
});

describe('a pair of nodes', () => {
  it('carries every frame bit for bit', () => {
    const limits = { maxPayloadBytes: 8900, maxSuperBytes: 61000 };
    const frames = fc.array(
      fc.constantFrom('4' as const, '6' as const).chain((f) => anyFrame(endsOf(a, b, f), limits)),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(frames, (specs) => {
        const records = specs.map(buildRecord);
        const expected = expectedFrames(records, b);
        const received = exchange(a, b, records, { expectedFrames: expected.length });
        expect(hex(framesOnTheWire(received))).toEqual(hex(expected));
      }),
      { numRuns: 30 },
    );
    expect(b.drops()).toEqual({});
  });
});
