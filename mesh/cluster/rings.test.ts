import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import type { NodeId } from '../../common/node-id.js';
import { NEIGHBOURS } from '../limits.js';
import { neighboursAmong, RingNeighbours } from './rings.js';

const idOf = (n: number): NodeId => createHash('md5').update(`${n}`).digest('hex') as NodeId;
const idsOf = (size: number): NodeId[] => Array.from({ length: size }, (_, n) => idOf(n));
const neighboursIn = (ids: readonly NodeId[], id: NodeId): Set<NodeId> => neighboursAmong(id, () => ids);

/** The rule, slow and obvious: the members before and behind on each ring, sorted. */
function slowNeighbours(ids: readonly NodeId[], id: NodeId): Set<NodeId> {
  const place = (other: NodeId, ring: number): number =>
    createHash('sha256')
      .update('heddle/2 rings')
      .update(other)
      .digest()
      .readUInt32BE(4 * ring);
  const neighbours = new Set<NodeId>();
  for (let ring = 0; ring < NEIGHBOURS / 2; ring++) {
    const sorted = [...ids].sort((a, b) => place(a, ring) - place(b, ring) || (a < b ? -1 : 1));
    const at = sorted.indexOf(id);
    neighbours.add(sorted.at(at - 1)!).add(sorted[(at + 1) % sorted.length]!);
  }
  return neighbours;
}

/** Number of members that a walk over neighbours reaches from the first one. */
function reached(ids: readonly NodeId[], neighboursOf: (id: NodeId) => ReadonlySet<NodeId>): number {
  const seen = new Set<NodeId>([ids[0]!]);
  for (const id of seen) for (const next of neighboursOf(id)) seen.add(next);
  return seen.size;
}

describe('neighbours', () => {
  it('are all others in a small cluster', () => {
    const ids = idsOf(NEIGHBOURS + 1);
    for (const id of ids) expect(neighboursIn(ids, id)).toEqual(new Set(ids.filter((other) => other !== id)));
  });

  it('are the members before and behind on each ring', () => {
    const ids = idsOf(60);
    for (const id of ids.slice(0, 10)) expect(neighboursIn(ids, id)).toEqual(slowNeighbours(ids, id));
  });

  it('are few and mutual in a large one, whatever the order in which members were learned', () => {
    const ids = idsOf(300);
    const all = new Map(ids.map((id) => [id, neighboursIn(ids, id)]));
    for (const [id, neighbours] of all) {
      expect(neighbours.size).toBeGreaterThan(NEIGHBOURS - 5);
      expect(neighbours.size).toBeLessThanOrEqual(NEIGHBOURS);
      expect(neighbours.has(id)).toBe(false);
      for (const next of neighbours) expect(all.get(next)!.has(id)).toBe(true);
    }
    expect(neighboursIn([...ids].reverse(), ids[5]!)).toEqual(all.get(ids[5]!));
  });

  it('hold the members together, and those that are left when half of them do not count', () => {
    const ids = idsOf(300);
    expect(reached(ids, (id) => neighboursIn(ids, id))).toBe(300);
    const left = ids.filter((_, i) => i % 2 === 0);
    const counts = (id: NodeId): boolean => left.includes(id);
    expect(reached(left, (id) => new Set([...neighboursIn(ids, id)].filter(counts)))).toBe(150);
  });

  it('change by a few when a member joins', () => {
    const ids = idsOf(300);
    const after = [...ids, idOf(1000)];
    const changed = ids.filter((id) => [...neighboursIn(after, id)].some((next) => !neighboursIn(ids, id).has(next)));
    expect(changed.length).toBeLessThanOrEqual(NEIGHBOURS);
  });

  it('of one member follow the others as they come and go', () => {
    const [own, ...others] = idsOf(120) as [NodeId, ...NodeId[]];
    const followed = new RingNeighbours(own);
    const there = new Set<NodeId>();
    let told = followed.ids(() => there);
    // Of 119 others most come, many go and some come back; 7 is no divisor of their number.
    for (let step = 0; step < 600; step++) {
      const other = others[(step * 7) % others.length]!;
      const hasChanged = there.delete(other) ? followed.remove(other) : (there.add(other), followed.add(other));
      const expected = neighboursAmong(own, () => there);
      if (hasChanged) told = followed.ids(() => there);
      expect(told).toEqual(expected);
    }
  });
});
