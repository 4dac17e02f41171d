import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import type { NodeId } from '../../common/node-id.js';
import { NEIGHBOURS } from '../limits.js';
import { Rings } from './rings.js';

const idOf = (n: number): NodeId => createHash('md5').update(`${n}`).digest('hex') as NodeId;

function ringsOf(size: number): { rings: Rings; ids: NodeId[] } {
  const rings = new Rings();
  const ids = Array.from({ length: size }, (_, n) => idOf(n));
  for (const id of ids) rings.add(id);
  return { rings, ids };
}

/** Number of members that a walk over neighbours reaches from the first one. */
function reached(ids: readonly NodeId[], neighboursOf: (id: NodeId) => ReadonlySet<NodeId>): number {
  const seen = new Set<NodeId>([ids[0]!]);
  for (const id of seen) for (const next of neighboursOf(id)) seen.add(next);
  return seen.size;
}

describe('neighbours', () => {
  it('are all others in a small cluster', () => {
    const { rings, ids } = ringsOf(NEIGHBOURS + 1);
    for (const id of ids) expect(rings.neighboursOf(id).size).toBe(NEIGHBOURS);
  });

  it('are few and mutual in a large one, whatever the order in which members were learned', () => {
    const { rings, ids } = ringsOf(300);
    const other = new Rings();
    for (const id of [...ids].reverse()) other.add(id);
    const all = new Map(ids.map((id) => [id, rings.neighboursOf(id)]));
    for (const [id, neighbours] of all) {
      expect(neighbours.size).toBeGreaterThan(NEIGHBOURS - 5);
      expect(neighbours.size).toBeLessThanOrEqual(NEIGHBOURS);
      expect(neighbours.has(id)).toBe(false);
      for (const next of neighbours) expect(all.get(next)!.has(id)).toBe(true);
    }
    expect(other.neighboursOf(ids[5]!)).toEqual(all.get(ids[5]!));
  });

  it('hold the members together, and those that are left when half of them do not count', () => {
    const { rings, ids } = ringsOf(300);
    expect(reached(ids, (id) => rings.neighboursOf(id))).toBe(300);
    const left = ids.filter((_, i) => i % 2 === 0);
    const counts = (id: NodeId): boolean => left.includes(id);
    expect(reached(left, (id) => new Set([...rings.neighboursOf(id)].filter(counts)))).toBe(150);
    for (const id of left) expect([...rings.neighboursOf(id, counts)].every(counts)).toBe(true);
  });

  it('change by a few when a member joins or leaves', () => {
    const { rings, ids } = ringsOf(300);
    const before = ids.map((id) => rings.neighboursOf(id));
    rings.add(idOf(1000));
    const changed = ids.filter((id, i) => [...rings.neighboursOf(id)].some((next) => !before[i]!.has(next)));
    expect(changed.length).toBeLessThanOrEqual(NEIGHBOURS);
    rings.remove(idOf(1000));
    expect(ids.map((id) => rings.neighboursOf(id))).toEqual(before);
  });
});
