import { describe, expect, it } from '@jest/globals';
import { parseCidr } from '../common/address/cidr.js';
import { parseIpAddress } from '../common/address/ip-address.js';
import type { AddressOwner } from './allocation.js';
import { allocate, emptyAllocator, release } from './allocator.js';
import { reconcile, RECONCILE_GRACE_MS } from './reconciliation.js';

const empty = emptyAllocator([parseCidr('10.1.0.0/24')]);
const owner = (containerId: string): AddressOwner => ({ containerId, ifname: 'eth0' });
const ip = parseIpAddress;

describe('reconciling addresses with live pods', () => {
  it('adopts an unrecorded address of a live pod', () => {
    const { state, report } = reconcile(empty, [{ owner: owner('a'), ips: [ip('10.1.0.2')] }], 0);
    expect(report.adopted).toEqual(['10.1.0.2']);
    expect(allocate(state, owner('b'), [], 0).addresses[0]!.ip).toBe('10.1.0.3');
    expect(allocate(state, owner('a'), [], 0).addresses[0]!.ip).toBe('10.1.0.2');
  });

  it('ends the quarantine of an address that a live pod has', () => {
    const freed = release(allocate(empty, owner('a'), [], 0).state, owner('a'), 0);
    const { state } = reconcile(freed, [{ owner: owner('a'), ips: [ip('10.1.0.2')] }], 1);
    expect(state.released).toEqual([]);
    expect(state.allocations.get(ip('10.1.0.2'))?.owner).toEqual(owner('a'));
  });

  it('frees an address that no live pod has, after the grace period', () => {
    const { state } = allocate(empty, owner('a'), [], 0);
    expect(reconcile(state, [], RECONCILE_GRACE_MS - 1).state).toBe(state);
    expect(reconcile(state, [], RECONCILE_GRACE_MS).report.freed).toEqual(['10.1.0.2']);
  });

  it('keeps the record of a live pod whose addresses could not be read', () => {
    const { state } = allocate(empty, owner('a'), [], 0);
    expect(reconcile(state, [{ owner: owner('a'), ips: [] }], RECONCILE_GRACE_MS).state).toBe(state);
  });

  it('replaces a recorded owner by the live pod that has the address', () => {
    const { state } = allocate(empty, owner('gone'), [], 0);
    const after = reconcile(state, [{ owner: owner('a'), ips: [ip('10.1.0.2')] }], 0).state;
    expect(after.allocations.get(ip('10.1.0.2'))?.owner).toEqual(owner('a'));
  });

  it('reports two live pods with one address, and records the first as owner', () => {
    const live = [owner('a'), owner('b')].map((pod) => ({ owner: pod, ips: [ip('10.1.0.2')] }));
    const { state, report } = reconcile(empty, live, 0);
    expect(report.conflicts).toEqual(['10.1.0.2 is on both container a interface eth0 and container b interface eth0']);
    expect(state.allocations.get(ip('10.1.0.2'))?.owner).toEqual(owner('a'));
  });

  it('keeps a live address outside the CIDRs, and drops it after its quarantine', () => {
    const adopted = reconcile(empty, [{ owner: owner('a'), ips: [ip('10.9.0.9')] }], 0).state;
    expect(adopted.allocations.has(ip('10.9.0.9'))).toBe(true);
    const freed = release(adopted, owner('a'), 0);
    expect(freed.released).toHaveLength(1);
    expect(allocate(freed, owner('b'), [], 60_000).state.released).toEqual([]);
  });
});
