import { describe, expect, it } from '@jest/globals';
import { MAX_DATA_LINKS } from '../limits.js';
import { SurplusLinks } from './surplus-links.js';
import type { LinkedPeer } from './surplus-links.js';

const peer = (lastTrafficMs: number, isNeighbour = false): LinkedPeer => ({
  isLinked: true,
  isNeighbour,
  lastTrafficMs,
});

describe('surplus links', () => {
  it('are those to no neighbour beyond the limit, without a frame for the longest time', () => {
    const peers = new Map(Array.from({ length: MAX_DATA_LINKS + 2 }, (_, i) => [i, peer(1000 - i)]));
    peers.set(-1, peer(0, true));
    const surplus = new SurplusLinks();
    surplus.grew();
    const oldest = [MAX_DATA_LINKS + 1, MAX_DATA_LINKS].map((i) => peers.get(i));
    expect(surplus.take(peers)).toEqual(oldest);
  });

  it('are looked for once after a link came up', () => {
    const peers = new Map(Array.from({ length: MAX_DATA_LINKS + 1 }, (_, i) => [i, peer(i)]));
    const surplus = new SurplusLinks();
    expect(surplus.take(peers)).toEqual([]);
    surplus.grew();
    expect(surplus.take(peers)).toHaveLength(1);
    expect(surplus.take(peers)).toEqual([]);
  });
});
