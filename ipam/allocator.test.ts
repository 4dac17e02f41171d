import { describe, expect, it } from '@jest/globals';
import { parseCidr } from '../common/address/cidr.js';
import { parseIpAddress } from '../common/address/ip-address.js';
import type { AddressOwner, AllocatorState } from './allocation.js';
import {
  allocate,
  emptyAllocator,
  QUARANTINE_MS,
  release,
  stopAllocatingFrom,
  useCidrs,
  usageOf,
} from './allocator.js';

const V4 = parseCidr('10.1.0.0/29');
const V6 = parseCidr('fd00:1::/64');
const owner = (containerId: string): AddressOwner => ({ containerId, ifname: 'eth0' });

/** Allocates for each name in turn at time `nowMs` and returns the IPv4 addresses. */
function fill(state: AllocatorState, names: string[], nowMs: number): { state: AllocatorState; ips: string[] } {
  const ips: string[] = [];
  for (const name of names) {
    const step = allocate(state, owner(name), [], nowMs);
    state = step.state;
    ips.push(step.addresses[0]!.ip);
  }
  return { state, ips };
}

describe('the allocator', () => {
  it('gives one address per family, with its CIDR and gateway', () => {
    const { addresses } = allocate(emptyAllocator([V4, V6]), owner('a'), [], 0);
    expect(addresses).toEqual([
      { ip: '10.1.0.2', cidr: V4, gateway: '10.1.0.1' },
      { ip: 'fd00:1::2', cidr: V6, gateway: 'fd00:1::1' },
    ]);
  });

  it('gives the same owner the same addresses again and leaves the state unchanged', () => {
    const first = allocate(emptyAllocator([V4, V6]), owner('a'), [], 0);
    const again = allocate(first.state, owner('a'), [], 5);
    expect(again.addresses).toEqual(first.addresses);
    expect(again.state).toBe(first.state);
  });

  it('gives two interfaces of one container different addresses', () => {
    const first = allocate(emptyAllocator([V4]), { containerId: 'a', ifname: 'eth0' }, [], 0);
    const second = allocate(first.state, { containerId: 'a', ifname: 'net1' }, [], 0);
    expect(second.addresses[0]!.ip).toBe('10.1.0.3');
  });

  it('gives neither network, gateway nor broadcast address, and fails when all others are taken', () => {
    const { state, ips } = fill(emptyAllocator([V4]), ['a', 'b', 'c', 'd', 'e'], 0);
    expect(ips).toEqual(['10.1.0.2', '10.1.0.3', '10.1.0.4', '10.1.0.5', '10.1.0.6']);
    expect(() => allocate(state, owner('f'), [], 0)).toThrow('no free address in 10.1.0.0/29: 5 of 5 in use');
  });

  it('uses the last address of an IPv6 block, which has no broadcast', () => {
    const { ips, state } = fill(emptyAllocator([parseCidr('fd00::/126')]), ['a', 'b'], 0);
    expect(ips).toEqual(['fd00::2', 'fd00::3']);
    expect(() => allocate(state, owner('c'), [], 0)).toThrow('2 of 2 in use');
  });

  it.each(['10.1.0.0/31', '10.1.0.0/32', 'fd00::/127', 'fd00::/128'])('has no address for a pod in %s', (cidr) => {
    expect(() => allocate(emptyAllocator([parseCidr(cidr)]), owner('a'), [], 0)).toThrow('0 of 0 in use');
  });

  it('prefers never-used addresses, then the one that was freed first', () => {
    let { state } = fill(emptyAllocator([V4]), ['a', 'b', 'c', 'd'], 0);
    state = release(release(state, owner('c'), 10), owner('a'), 20);
    const late = 20 + QUARANTINE_MS;
    expect(fill(state, ['x', 'y', 'z'], late).ips).toEqual(['10.1.0.6', '10.1.0.4', '10.1.0.2']);
  });

  it('gives a quarantined address only when nothing else is free, and then the one that was freed first', () => {
    const { state } = fill(emptyAllocator([V4]), ['a', 'b', 'c', 'd'], 0);
    const freed = release(release(state, owner('c'), 1000), owner('b'), 2000);
    expect(fill(freed, ['x', 'y', 'z'], 2001).ips).toEqual(['10.1.0.6', '10.1.0.4', '10.1.0.3']);
  });

  it('refuses no allocation while pods come and go faster than quarantines end', () => {
    let state = emptyAllocator([V4]);
    for (let i = 0; i < 300; i++) {
      state = release(allocate(state, owner(`p${i}`), [], i * 50).state, owner(`p${i}`), i * 50 + 20);
    }
    expect(usageOf(state, 300 * 50)).toMatchObject([{ used: 0, quarantined: 5 }]);
  });

  it('gives a quarantined address of one CIDR only when the others have nothing free', () => {
    const second = parseCidr('10.2.0.0/29');
    const { state } = fill(emptyAllocator([V4, second]), ['a', 'b', 'c', 'd', 'e'], 0);
    expect(fill(release(state, owner('b'), 0), ['x'], 0).ips).toEqual(['10.2.0.2']);
  });

  it('prefers addresses out of quarantine when the clock goes backwards', () => {
    const { state } = fill(emptyAllocator([V4]), ['a', 'b', 'c', 'd'], 1e9);
    expect(fill(release(state, owner('b'), 1e9), ['x'], 0).ips).toEqual(['10.1.0.6']);
  });

  it('gives a requested address at once to the pod that had it, in a new container too', () => {
    const pod = (containerId: string, ifname = 'eth0') => ({ containerId, ifname, pod: 'shop/db-0' });
    const fixed = [parseIpAddress('10.1.0.4')];
    const first = allocate(emptyAllocator([V4]), pod('old'), fixed, 0);
    const freed = release(first.state, pod('old'), 5);
    expect(allocate(freed, pod('new'), fixed, 6).addresses[0]!.ip).toBe('10.1.0.4');
    expect(() => allocate(freed, owner('other'), fixed, 6)).toThrow('is quarantined for another 60 s');
    expect(() => allocate(freed, pod('new', 'net1'), fixed, 6)).toThrow('is quarantined');
  });

  it('refuses another address than the one that the interface has', () => {
    const first = allocate(emptyAllocator([V4]), owner('a'), [], 0);
    expect(() => allocate(first.state, owner('a'), [parseIpAddress('10.1.0.5')], 0)).toThrow('already has 10.1.0.2');
  });

  it('keeps a bounded number of freed addresses of a huge block', () => {
    let state = emptyAllocator([V6]);
    for (let i = 0; i < 1500; i++) {
      state = release(allocate(state, owner(`p${i}`), [], i * QUARANTINE_MS).state, owner(`p${i}`), i * QUARANTINE_MS);
    }
    expect(state.released).toHaveLength(1024);
  });

  it('gives a requested address, and any address of the other family', () => {
    const { addresses } = allocate(emptyAllocator([V4, V6]), owner('a'), [parseIpAddress('10.1.0.5')], 0);
    expect(addresses.map((address) => address.ip)).toEqual(['10.1.0.5', 'fd00:1::2']);
  });

  it('skips an address that was requested earlier', () => {
    const { state } = allocate(emptyAllocator([V4]), owner('a'), [parseIpAddress('10.1.0.3')], 0);
    expect(fill(state, ['b', 'c'], 0).ips).toEqual(['10.1.0.2', '10.1.0.4']);
  });

  it.each([
    ['10.1.0.0', 'is reserved'],
    ['10.1.0.1', 'is reserved'],
    ['10.1.0.7', 'is reserved'],
    ['10.1.0.2', 'belongs to container a'],
    ['10.1.0.3', 'is quarantined for another 60 s'],
    ['10.9.0.3', "is not in this node's pod CIDRs"],
  ])('refuses the requested address %s because it %s', (ip, why) => {
    const { state } = fill(emptyAllocator([V4]), ['a', 'b'], 0);
    expect(() => allocate(release(state, owner('b'), 0), owner('c'), [parseIpAddress(ip)], 0)).toThrow(why);
  });

  it('refuses two requested addresses of one family', () => {
    const ips = [parseIpAddress('10.1.0.3'), parseIpAddress('10.1.0.4')];
    expect(() => allocate(emptyAllocator([V4]), owner('a'), ips, 0)).toThrow('more than one IPv4 address');
  });

  it('gives no new address from a CIDR that another node won, and keeps allocations there', () => {
    const first = allocate(emptyAllocator([V4]), owner('a'), [], 0);
    const stopped = stopAllocatingFrom(first.state, [V4]);
    expect(() => allocate(stopped, owner('b'), [], 0)).toThrow('another node owns it');
    expect(allocate(stopped, owner('a'), [], 0).addresses).toEqual(first.addresses);
    expect(fill(stopAllocatingFrom(stopped, []), ['b'], 0).ips).toEqual(['10.1.0.3']);
  });

  it('refuses CIDRs that overlap', () => {
    expect(() => emptyAllocator([V4, parseCidr('10.1.0.0/16')])).toThrow(
      'pod CIDRs 10.1.0.0/29 and 10.1.0.0/16 overlap',
    );
  });

  it('counts total, used and quarantined addresses per CIDR', () => {
    const { state } = fill(emptyAllocator([V4]), ['a', 'b', 'c'], 0);
    const freed = release(state, owner('a'), 0);
    expect(usageOf(freed, 0)).toEqual([{ cidr: V4, withdrawn: false, total: 5, used: 2, quarantined: 1 }]);
    expect(usageOf(freed, QUARANTINE_MS)).toEqual([{ cidr: V4, withdrawn: false, total: 5, used: 2, quarantined: 0 }]);
  });
});

describe('the allocator with several CIDRs of one family', () => {
  const SECOND = parseCidr('10.2.0.0/29');

  it('gives one address per owner and takes the second CIDR when the first is full', () => {
    const { ips, state } = fill(emptyAllocator([V4, SECOND]), ['a', 'b', 'c', 'd', 'e', 'f'], 0);
    expect(ips.slice(0, 5).every((ip) => ip.startsWith('10.1.'))).toBe(true);
    expect(ips[5]).toBe('10.2.0.2');
    expect(allocate(state, owner('f'), [], 0).addresses).toEqual([
      { ip: '10.2.0.2', cidr: SECOND, gateway: '10.2.0.1' },
    ]);
  });

  it('skips a CIDR that another node owns', () => {
    const state = stopAllocatingFrom(emptyAllocator([V4, SECOND]), [V4]);
    expect(fill(state, ['a'], 0).ips).toEqual(['10.2.0.2']);
  });

  it('names every CIDR when all are full', () => {
    const names = Array.from({ length: 10 }, (_, i) => `pod ${i}`);
    const { state } = fill(emptyAllocator([V4, SECOND]), names, 0);
    expect(() => allocate(state, owner('late'), [], 0)).toThrow(
      'no free address in 10.1.0.0/29: 5 of 5 in use; 10.2.0.0/29: 5 of 5 in use',
    );
  });

  it('gives a requested address from the CIDR that holds it', () => {
    const step = allocate(emptyAllocator([V4, SECOND]), owner('a'), [parseIpAddress('10.2.0.4')], 0);
    expect(step.addresses[0]).toEqual({ ip: '10.2.0.4', cidr: SECOND, gateway: '10.2.0.1' });
  });
});

describe('a pod CIDR that is taken from the node', () => {
  const NEW = parseCidr('10.9.0.0/29');

  it('keeps its pods and gives out nothing more', () => {
    const before = fill(emptyAllocator([V4]), ['a'], 0);
    const state = useCidrs(before.state, [NEW], 0);
    expect(state.withdrawn).toEqual([V4]);
    expect(allocate(state, owner('a'), [], 0).addresses).toEqual([{ ip: '10.1.0.2', cidr: V4, gateway: '10.1.0.1' }]);
    expect(fill(state, ['b'], 0).ips).toEqual(['10.9.0.2']);
    expect(() => allocate(state, owner('c'), [parseIpAddress('10.1.0.4')], 0)).toThrow('not in this node');
  });

  it('is forgotten with its last pod', () => {
    const before = fill(emptyAllocator([V4]), ['a', 'b'], 0);
    const state = useCidrs(before.state, [NEW], 0);
    const half = release(state, owner('a'), 0);
    expect(half.withdrawn).toEqual([V4]);
    expect(release(half, owner('b'), 0).withdrawn).toEqual([]);
  });

  it('is not kept without pods', () => {
    expect(useCidrs(emptyAllocator([V4]), [NEW], 0).withdrawn).toEqual([]);
  });

  it('gives out addresses again when it comes back, after their quarantine', () => {
    const before = fill(emptyAllocator([V4]), ['a', 'b', 'c', 'd', 'e'], 0);
    const away = release(useCidrs(before.state, [NEW], 0), owner('a'), 0);
    const back = useCidrs(away, [V4], 0);
    expect(back.withdrawn).toEqual([]);
    expect(usageOf(back, QUARANTINE_MS - 1)).toMatchObject([{ quarantined: 1 }]);
    expect(fill(back, ['f'], QUARANTINE_MS).ips).toEqual(['10.1.0.2']);
  });

  it('can grow to a block that holds the old one', () => {
    const before = fill(emptyAllocator([V4]), ['a'], 0);
    const state = useCidrs(before.state, [parseCidr('10.1.0.0/24')], 0);
    expect(state.withdrawn).toEqual([]);
    expect(fill(state, ['a', 'b'], 0).ips).toEqual(['10.1.0.2', '10.1.0.3']);
  });

  it('can shrink below the addresses of living pods', () => {
    const before = allocate(emptyAllocator([parseCidr('10.1.0.0/24')]), owner('a'), [parseIpAddress('10.1.0.200')], 0);
    const state = useCidrs(before.state, [V4], 0);
    expect(state.withdrawn).toEqual(['10.1.0.0/24']);
    expect(allocate(state, owner('a'), [], 0).addresses[0]!.ip).toBe('10.1.0.200');
  });
});
