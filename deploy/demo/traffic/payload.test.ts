import { describe, expect, it } from '@jest/globals';
import { BLOCK_BYTES, MARKER, MARKER_PERIOD_BYTES, PING_PATTERN, makeBlock } from './payload.js';

describe('the payload of the demo', () => {
  it('has its marker in every window of its period and length', () => {
    const block = makeBlock();
    const window = MARKER_PERIOD_BYTES + MARKER.length;
    for (let at = 0; at + window <= BLOCK_BYTES; at += 997) {
      expect(block.subarray(at, at + window).includes(MARKER)).toBe(true);
    }
  });

  it('is always the same', () => {
    expect(makeBlock().equals(makeBlock())).toBe(true);
  });

  it('has a ping pattern of 16 bytes, which ping accepts', () => {
    expect(PING_PATTERN.length).toBe(16);
  });
});
