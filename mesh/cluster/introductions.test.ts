import { describe, expect, it } from '@jest/globals';
import type { NodeId } from '../../common/node-id.js';
import { MAX_UNPROVEN_PER_SENDER } from '../limits.js';
import { Introductions } from './introductions.js';

const idOf = (n: number): NodeId => n.toString(16).padStart(32, '0') as NodeId;

/** How many members a sender introduces before it is refused, to a node that knows so many of others. */
function introduced(others: number): number {
  const introductions = new Introductions();
  let count = 0;
  while (introductions.hasRoom(idOf(1), others + count)) introductions.add(idOf(1000 + count++), idOf(1));
  return count;
}

describe('introductions', () => {
  it('of one peer are as many as are known without it, in a small cluster a fixed number', () => {
    expect(introduced(30)).toBe(MAX_UNPROVEN_PER_SENDER);
    expect(introduced(2000)).toBe(2000);
  });

  it('end with a handshake, which makes room for another', () => {
    const introductions = new Introductions();
    for (let n = 0; n < MAX_UNPROVEN_PER_SENDER; n++) introductions.add(idOf(1000 + n), idOf(1));
    expect(introductions.hasRoom(idOf(1), 100)).toBe(false);
    introductions.settle(idOf(1000));
    expect(introductions.hasRoom(idOf(1), 100)).toBe(true);
  });
});
