import { describe, expect, it } from '@jest/globals';
import { parseCidr } from '../common/address/cidr.js';
import type { Cidr } from '../common/address/cidr.js';
import { PodCidrs } from './pod-cidrs.js';

const OLD = parseCidr('10.1.1.0/24');
const NEW = parseCidr('10.1.2.0/24');

function harness(withdrawn: Cidr[]): { cidrs: PodCidrs; withdrawn: Cidr[] } {
  return { cidrs: new PodCidrs({ assigned: () => [NEW], withdrawn: () => withdrawn }), withdrawn };
}

describe('the pod CIDRs of a node', () => {
  it('are claimed with those that were taken away while pods live in them', () => {
    const { cidrs } = harness([OLD]);
    expect(cidrs.served).toEqual([NEW, OLD]);
    expect(cidrs.claimed).toEqual([NEW, OLD]);
  });

  it('are given up when another node claims what was taken away, and served on for the pods', () => {
    const { cidrs } = harness([OLD]);
    expect(cidrs.yieldTo([parseCidr('10.1.1.128/25')])).toBe(true);
    expect(cidrs.claimed).toEqual([NEW]);
    expect(cidrs.served).toEqual([NEW, OLD]);
    expect(cidrs.yieldTo([])).toBe(false);
    expect(cidrs.claimed).toEqual([NEW]);
  });

  it('are not given up where they are the node’s own', () => {
    const { cidrs } = harness([]);
    expect(cidrs.yieldTo([NEW])).toBe(false);
    expect(cidrs.claimed).toEqual([NEW]);
  });

  it('are claimed anew after they were returned and taken away again', () => {
    const { cidrs, withdrawn } = harness([OLD]);
    cidrs.yieldTo([OLD]);
    withdrawn.length = 0;
    cidrs.yieldTo([]);
    withdrawn.push(OLD);
    expect(cidrs.claimed).toEqual([NEW, OLD]);
  });
});
