import { beforeEach, describe, expect, it } from '@jest/globals';
import { VirtualClock } from '../../common/testing/virtual-clock.js';
import { FirewallWatch } from './firewall-watch.js';

let clock: VirtualClock;
let watch: FirewallWatch;
let looks: number;
let looksAtPolicies: number;

beforeEach(() => {
  clock = new VirtualClock();
  looks = looksAtPolicies = 0;
  const look = () => Promise.resolve(void looks++);
  const lookAtPolicies = () => Promise.resolve(void looksAtPolicies++);
  const own = { ownTables: ['heddle'], ownMark: 'heddle: ', policyTable: 'heddle-policy' };
  watch = new FirewallWatch({ clock, ...own, look, lookAtPolicies });
});

async function looksAfter(lines: readonly string[]): Promise<number> {
  for (const line of lines) watch.take(line);
  await clock.advanceSettled(1_000);
  return looks;
}

describe('FirewallWatch', () => {
  it.each([
    'add chain ip filter FORWARD { type filter hook forward priority filter; policy drop; }',
    'add rule inet fw f reject',
    'insert rule inet fw f handle 3 drop',
    'delete rule inet fw f handle 2',
    'delete table inet heddle',
  ])('asks for a look within a second of %j', async (line) => {
    expect(await looksAfter([line])).toBe(1);
  });

  it.each([
    'add rule inet fw f accept comment "heddle: from heddle0"',
    'add chain inet heddle nat { type nat hook postrouting priority srcnat; policy accept; }',
    'add element inet fw s { 192.0.2.4 }',
    'add chain inet heddle-policy forward { type filter hook forward priority filter; policy accept; }',
    'delete rule inet heddle-policy forward handle 7',
    'add set ip kube-proxy cluster-ips { type ipv4_addr; }',
    '# new generation 5 by process 123 (nft)',
    '',
  ])('asks for nothing after %j', async (line) => {
    expect(await looksAfter([line])).toBe(0);
  });

  it('looks once for changes at one time, and rarely while somebody changes rules all the time', async () => {
    expect(await looksAfter(new Array<string>(100).fill('add rule ip filter X drop'))).toBe(1);
    for (let second = 0; second < 600; second++) await looksAfter(['add rule ip filter X drop']);
    expect(looks).toBeLessThan(100);
  });

  it('compares the policies within a second when their table is deleted', async () => {
    expect(await looksAfter(['delete table inet heddle-policy'])).toBe(0);
    expect(looksAtPolicies).toBe(1);
  });

  it('looks no more once stopped', async () => {
    await watch.stop();
    expect(await looksAfter(['delete table inet fw'])).toBe(0);
  });
});
