import { describe, expect, it } from '@jest/globals';
import { generateIdentity } from '../../mesh/index.js';
import { neighboursAmong } from '../../mesh/cluster/rings.js';
import { SeededRandom } from '../../mesh/testing/seeded-random.js';
import { planCrowd } from './crowd-plan.js';
import { settledParts } from './settled-crowd.js';

const PEERS = 400;

function settle(peers: number) {
  const random = new SeededRandom(peers);
  const node = generateIdentity(random).id;
  const settings = { clusterSecret: random.bytes(32), port: 6785, seeds: [], mtuBytes: 1500, linkAmong: true };
  const parts = settledParts(planCrowd(peers), node, settings, { random, nowMs: 1e12 });
  return { node, parts, ids: parts.map(({ identity }) => identity.id) };
}

describe('a settled crowd', () => {
  it('runs the neighbours of the node as whole members, which know all', () => {
    const { node, parts, ids } = settle(PEERS);
    const wholes = parts.filter(({ distance }) => distance === 'whole');
    expect(new Set(wholes.map(({ identity }) => identity.id))).toEqual(neighboursAmong(node, () => [...ids, node]));
    for (const { knownAdverts, gossips, isMute } of wholes) {
      expect(knownAdverts).toHaveLength(PEERS);
      expect([gossips, isMute]).toEqual([true, false]);
    }
  });

  it('runs their neighbours, which know only them, and leaves most of the others out', () => {
    const { node, parts, ids } = settle(PEERS);
    const wholes = parts.filter(({ distance }) => distance === 'whole').map(({ identity }) => identity.id);
    const near = parts.filter(({ distance }) => distance === 'near');
    const wanted = new Set(wholes.flatMap((id) => [...neighboursAmong(id, () => [...ids, node])]));
    for (const id of wanted) {
      if (id === node || wholes.includes(id)) continue;
      expect(near.some(({ identity }) => identity.id === id)).toBe(true);
    }
    for (const { knownAdverts } of near) expect(knownAdverts.length).toBeLessThanOrEqual(wholes.length);
    expect(parts.filter(({ distance, isMute }) => distance === 'far' && isMute).length).toBeGreaterThan(100);
  });

  it('is whole when it is small', () => {
    expect(settle(16).parts.every(({ distance }) => distance === 'whole')).toBe(true);
  });
});
