import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { cidrsOverlap, parseCidr } from '../../common/address/cidr.js';
import type { NodeId } from '../../common/node-id.js';
import { OwnershipGroups } from './ownership-groups.js';
import { ownershipTable } from './ownership-table.js';
import type { Claim, OwnershipTable } from './ownership-table.js';

const CLUSTER = [parseCidr('10.0.0.0/8'), parseCidr('fd00::/16')];
const nodeId = (n: number) => n.toString(16).padStart(32, '0') as NodeId;
const claim = (cidr: string, owner: number, createdAtMs = 0): Claim => ({
  cidr: parseCidr(cidr),
  owner: nodeId(owner),
  createdAtMs,
  isAlive: true,
});

/** Few bits, many prefix lengths: overlaps are the rule. */
const anyClaim = fc
  .record({
    v6: fc.boolean(),
    prefix: fc.integer({ min: 0, max: 5 }),
    bits: fc.nat(31),
    owner: fc.integer({ min: 1, max: 4 }),
    createdAtMs: fc.nat(3),
  })
  .map(({ v6, prefix, bits, owner, createdAtMs }) => {
    const network = (bits >> (5 - prefix)) << (5 - prefix);
    const text = v6 ? `fd00:${(network << 11).toString(16)}::/${16 + prefix}` : `10.${network << 3}.0.0/${8 + prefix}`;
    return claim(text, owner, createdAtMs);
  });

/** The rule, slow and obvious. */
function slowTable(claims: readonly Claim[]): string[] {
  const order = [...claims].sort(
    (a, b) => a.createdAtMs - b.createdAtMs || a.owner.localeCompare(b.owner) || (a.cidr < b.cidr ? -1 : 1),
  );
  const won: Claim[] = [];
  for (const next of order) {
    if (won.every((other) => other.owner === next.owner || !cidrsOverlap(other.cidr, next.cidr))) won.push(next);
  }
  return [...new Set(won.map(({ cidr, owner }) => `${cidr} ${owner}`))].sort();
}

describe('the ownership table', () => {
  it('never gives overlapping blocks to two owners, and follows the rule', () => {
    fc.assert(
      fc.property(fc.array(anyClaim, { maxLength: 30 }), (claims) => {
        const { entries, lost } = ownershipTable(claims, CLUSTER);
        for (const a of entries) {
          for (const b of entries) expect(a.owner === b.owner || !cidrsOverlap(a.cidr, b.cidr)).toBe(true);
        }
        expect(entries.map(({ cidr, owner }) => `${cidr} ${owner}`).sort()).toEqual(slowTable(claims));
        for (const { claim: loser, winner } of lost) {
          expect(entries.some(({ owner, cidr }) => owner === winner && cidrsOverlap(cidr, loser.cidr))).toBe(true);
        }
      }),
      { numRuns: fuzzRuns(24) },
    );
  });

  it('is the same whatever the order of the claims', () => {
    fc.assert(
      fc.property(fc.array(anyClaim, { maxLength: 12 }), fc.nat(), (claims, turn) => {
        const turned = [...claims.slice(turn % (claims.length + 1)), ...claims.slice(0, turn % (claims.length + 1))];
        const owners = (list: readonly Claim[]) =>
          ownershipTable(list, CLUSTER).entries.map((e) => `${e.cidr}${e.owner}`);
        expect(owners(turned)).toEqual(owners(claims));
      }),
      { numRuns: fuzzRuns(40) },
    );
  });

  it('lets the earlier claim win, ties by the lower id, and names the loser', () => {
    const { entries, lost } = ownershipTable(
      [claim('10.1.0.0/24', 1, 50), claim('10.1.0.0/16', 2, 40), claim('10.2.0.0/24', 4), claim('10.2.0.0/24', 3)],
      CLUSTER,
    );
    expect(entries).toEqual([
      { cidr: '10.2.0.0/24', owner: nodeId(3), conflict: nodeId(4), conflictReason: 'lowerId' },
      { cidr: '10.1.0.0/16', owner: nodeId(2), conflict: nodeId(1), conflictReason: 'earlier' },
    ]);
    expect(lost.map(({ winner }) => winner)).toEqual([nodeId(3), nodeId(2)]);
  });

  it('ignores claims outside the cluster CIDRs', () => {
    const { entries, outside } = ownershipTable([claim('192.168.0.0/24', 1), claim('8.0.0.0/5', 2)], CLUSTER);
    expect(entries).toEqual([]);
    expect(outside).toHaveLength(2);
  });
});

describe('the ownership table in groups', () => {
  const byOwner = (claims: readonly Claim[]) =>
    new Map(claims.map(({ owner }) => [owner, claims.filter((each) => each.owner === owner)]));
  /** Owners with other claims than before. */
  const changedOwners = (before: readonly Claim[], now: readonly Claim[]) => {
    const [old, fresh] = [byOwner(before), byOwner(now)];
    const owners = [...new Set([...old.keys(), ...fresh.keys()])];
    return new Set(owners.filter((owner) => JSON.stringify(old.get(owner)) !== JSON.stringify(fresh.get(owner))));
  };
  const sourceOf = (claims: readonly Claim[]) => ({
    claimsOf: (owner: NodeId) => byOwner(claims).get(owner) ?? [],
    blocksOf: (owner: NodeId) => (byOwner(claims).get(owner) ?? []).map(({ cidr }) => cidr),
  });
  const inOrder = ({ entries, lost, outside }: OwnershipTable) =>
    [entries, lost, outside].map((list) => list.map((each) => JSON.stringify(each)).sort());
  const anyChange = fc.record({
    claims: fc.array(anyClaim, { maxLength: 14 }),
    cluster: fc.constantFrom(CLUSTER, CLUSTER, CLUSTER, [parseCidr('10.64.0.0/10')]),
  });

  it('is the table of all claims after any changes, and says when its entries changed', () => {
    fc.assert(
      fc.property(fc.array(anyChange, { maxLength: 8 }), (changes) => {
        const groups = new OwnershipGroups();
        let entries: string[] = [];
        let before: readonly Claim[] = [];
        for (const { claims, cluster } of changes) {
          const hasChanged = groups.update(changedOwners(before, claims), sourceOf(claims), cluster);
          before = claims;
          const [wanted, lost, outside] = inOrder(ownershipTable(claims, cluster));
          expect(inOrder({ entries: groups.entries(), ...groups.refused() })).toEqual([wanted, lost, outside]);
          expect(hasChanged).toBe(JSON.stringify(wanted) !== JSON.stringify(entries));
          entries = wanted!;
          for (let n = 1; n <= 4; n++) {
            const owns = groups.entries().some(({ owner }) => owner === nodeId(n));
            expect(groups.ownsAny(nodeId(n))).toBe(owns);
          }
        }
      }),
      { numRuns: fuzzRuns(40) },
    );
  });
});
