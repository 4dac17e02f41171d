import { describe, expect, it } from '@jest/globals';
import { attachObstacle, isReady, judge } from './conditions.js';
import type { NodeFacts } from './conditions.js';

const healthy: NodeFacts = {
  routerConnected: true,
  podCidrs: ['10.1.1.0/24'],
  hostProblems: [],
  podsReconciled: true,
  lostClaims: [],
  seeds: 2,
  peersUp: 1,
};
const failed = (facts: Partial<NodeFacts>) =>
  judge({ ...healthy, ...facts })
    .filter(({ ok }) => !ok)
    .map(({ name }) => name);

describe('judge', () => {
  it('finds nothing missing on a healthy node', () => {
    const conditions = judge(healthy);
    expect(conditions.every(({ ok, message }) => ok && message === '')).toBe(true);
    expect(isReady(conditions)).toBe(true);
    expect(attachObstacle(conditions)).toBeNull();
  });

  it.each<[string, Partial<NodeFacts>, string[]]>([
    ['the router is away', { routerConnected: false }, ['router']],
    ['nobody has looked at the host', { hostProblems: null }, ['host-network']],
    [
      'a part of the host is broken',
      { hostProblems: [{ part: 'bridge', message: 'no permission' }] },
      ['host-network'],
    ],
    ['there is no pod CIDR', { podCidrs: [], hostProblems: null }, ['pod-cidr', 'host-network']],
    ['pods are being collected', { podsReconciled: false }, ['pods']],
  ])('is not ready and attaches nothing when %s', (_, facts, names) => {
    const conditions = judge({ ...healthy, ...facts });
    expect(failed(facts)).toEqual(names);
    expect(isReady(conditions)).toBe(false);
    expect(attachObstacle(conditions)).toContain(names[0]);
  });

  it('is not ready with a lost claim, but may attach: the allocator knows what not to give out', () => {
    const conditions = judge({ ...healthy, lostClaims: [{ cidr: '10.1.1.0/24', winner: 'node-b' }] });
    expect(isReady(conditions)).toBe(false);
    expect(conditions.find(({ name }) => name === 'claims')?.message).toContain('10.1.1.0/24 also belongs to node-b');
    expect(attachObstacle(conditions)).toBeNull();
  });

  it('is ready alone: a missing peer is told, not held against the node', () => {
    expect(failed({ peersUp: 0 })).toEqual(['peers']);
    expect(isReady(judge({ ...healthy, peersUp: 0 }))).toBe(true);
    expect(failed({ peersUp: 0, seeds: 0 })).toEqual([]);
  });
});
