import { describe, expect, it } from '@jest/globals';
import { MAX_RELAY_PAIRS } from '../../common/protocol.js';
import type { NodeId } from '../../common/node-id.js';
import { RelayOpeners } from './relay-openers.js';

const id = (n: number): NodeId => n.toString(16).padStart(32, '0') as NodeId;

describe('the openers of pairs', () => {
  it('have one number each, however many pairs they have', () => {
    const openers = new RelayOpeners();
    [1, 2, 1, 3].forEach((member, pair) => openers.open(pair, id(member)));
    expect(openers.of(2)).toBe(openers.of(0));
    expect(new Set([0, 1, 3].map((pair) => openers.of(pair))).size).toBe(3);
  });

  it('find their number again when they close their last pair and open another', () => {
    const openers = new RelayOpeners();
    openers.open(0, id(1));
    openers.open(1, id(2));
    const before = openers.of(1);
    openers.close(1);
    openers.open(7, id(2));
    expect(openers.of(7)).toBe(before);
  });

  it('may be as many as there are pairs, again and again', () => {
    const openers = new RelayOpeners();
    for (let round = 0; round < 3; round++) {
      for (let pair = 0; pair < MAX_RELAY_PAIRS; pair++) openers.open(pair, id(1 + round + pair));
      const numbers = Array.from({ length: MAX_RELAY_PAIRS }, (_, pair) => openers.of(pair));
      expect(new Set(numbers).size).toBe(MAX_RELAY_PAIRS);
      for (let pair = 0; pair < MAX_RELAY_PAIRS; pair++) openers.close(pair);
    }
  });
});
