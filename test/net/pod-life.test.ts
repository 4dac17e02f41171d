/**
 * Pods that live through what happens to them, and what outlives a pod, on the real kernel (`cni-fixture.ts`): a renamed
 * interface, a namespace file that cannot be opened, the upgrade from a version with on-link pods, connection tracking.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { HostNetlink } from '../../agent/netlink/host-netlink.js';
import { deleteFlow, listFlowsOf } from '../../cni/pod-network/flow-requests.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import {
  addressOf,
  hostInterfaces,
  inside,
  ip,
  lab,
  NODE,
  path,
  ping,
  POD_A,
  POD_B,
  succeed,
  useCniNode,
} from './cni-fixture.js';
import type { Result } from './cni-fixture.js';

const FAMILIES = [4, 6] as const;
const GATEWAYS = { 4: '10.99.1.1', 6: 'fd99:1::1' } as const;
const CLUSTER = { 4: '10.99.0.0/16', 6: 'fd99::/16' } as const;

useCniNode();

/** Both pods, attached. */
async function twoPods(): Promise<{ a: Result; b: Result }> {
  return { a: await succeed('ADD', { pod: POD_A }), b: await succeed('ADD', { pod: POD_B }) };
}

/** The pod has its address, its record and its network, in both families. */
function expectAlive({ a, b }: { a: Result; b: Result }): void {
  expect(lab.agent.announced).toHaveLength(2);
  expect(lab.agent.ipam.list()).toHaveLength(4);
  expect(hostInterfaces()).toHaveLength(2);
  for (const family of FAMILIES) {
    ping(POD_B, addressOf(a, family));
    ping(NODE, addressOf(b, family));
  }
}

/** Reconciles as every minute, and as a restarted agent. */
async function reconcileAndRestart(): Promise<void> {
  await lab.agent.service.reconcile();
  await lab.agent.stop();
  await lab.agent.start();
}

describe('a running pod', () => {
  it('is not taken for dead when its interface was renamed', async () => {
    const pods = await twoPods();
    ip('-n', POD_A, 'link', 'set', 'eth0', 'name', 'net0');
    await reconcileAndRestart();
    expect(inside(POD_A, 'ip', '-o', 'link', 'show', 'net0')).toContain('net0');
    expectAlive(pods);
  });

  it.each<[string, (file: string) => void]>([
    ['is not there', () => undefined],
    ['is an ordinary file', (file) => writeFileSync(file, 'x')],
    ['is a folder', (file) => mkdirSync(file)],
    ['is a link to itself', (file) => symlinkSync(file, file)],
    ['is the file of another namespace', (file) => symlinkSync(path(NODE), file)],
  ])('is not taken for dead when the file of its namespace %s', async (_, replace) => {
    const pods = await twoPods();
    const holder = spawn('nsenter', [`--net=${path(POD_A)}`, 'sleep', '60']);
    await once(holder, 'spawn');
    await waitUntil('sleep in the namespace', 5000, () =>
      Promise.resolve(readFileSync(`/proc/${holder.pid}/comm`, 'utf8').startsWith('sleep')),
    );
    ip('netns', 'del', POD_A);
    try {
      replace(path(POD_A));
      await reconcileAndRestart();
      expectAlive(pods);
    } finally {
      rmSync(path(POD_A), { recursive: true, force: true });
      holder.kill('SIGKILL');
      await once(holder, 'exit');
    }
  });
});

describe('a pod of a version that switched frames', () => {
  it('is routed by its gateway after the first look, and its port is isolated', async () => {
    const pods = await twoPods();
    const { a } = pods;
    makeSwitched(a);
    await reconcileAndRestart();
    expectAlive(pods);
    for (const family of FAMILIES) {
      const routes = inside(POD_A, 'ip', `-${family}`, 'route');
      expect(routes).toContain(`default via ${GATEWAYS[family]} dev eth0`);
      expect(routes).not.toContain(CLUSTER[family]);
      ping(POD_A, addressOf(pods.b, family));
    }
    const host = a.interfaces[0]!.name;
    expect(ip('-n', NODE, '-d', 'link', 'show', host)).toMatch(/isolated on/);
  });
});

/** As the earlier version attached it: a port among others, the cluster CIDR on-link, nothing on the host's side. */
function makeSwitched(pod: Result): void {
  const host = pod.interfaces[0]!.name;
  ip('-n', NODE, 'link', 'set', host, 'group', 'default');
  ip('-n', NODE, 'link', 'set', host, 'type', 'bridge_slave', 'isolated', 'off', 'learning', 'on', 'flood', 'on');
  for (const family of FAMILIES) {
    const address = addressOf(pod, family);
    ip('-n', NODE, 'route', 'del', address, 'dev', host);
    ip('-n', NODE, 'neigh', 'del', address, 'dev', host);
    ip('-n', POD_A, `-${family}`, 'route', 'flush', 'dev', 'eth0', 'proto', 'boot');
    ip('-n', POD_A, 'neigh', 'del', GATEWAYS[family], 'dev', 'eth0');
    ip('-n', POD_A, 'route', 'add', CLUSTER[family], 'dev', 'eth0', 'src', address);
    ip('-n', POD_A, `-${family}`, 'route', 'add', 'default', 'via', GATEWAYS[family], 'dev', 'eth0');
  }
}

describe('connection tracking', () => {
  it.each(FAMILIES)('keeps nothing of a pod whose address is given again, IPv%s', async (family) => {
    const { a, b } = await twoPods();
    const [mine, other] = [addressOf(a, family), addressOf(b, family)];
    trackFlows(family, mine, other);
    expect(flowsOf(family, mine)).toBeGreaterThan(0);
    await succeed('DEL');
    expect(flowsOf(family, mine)).toBe(0);
    // Of packets that are still on their way.
    trackFlows(family, mine, other);
    trackFlows(family, other, mine);
    const again = await succeed('ADD', { id: 'another', config: { args: { cni: { ips: [mine] } } } });
    expect(addressOf(again, family)).toBe(mine);
    expect(flowsOf(family, mine)).toBe(0);
    expect(flowsOf(family, other)).toBe(0);
  });

  it.each(FAMILIES)(
    'is listed by the address also where it is too long to be listed as a whole, IPv%s',
    async (family) => {
      const [mine, other] = (family === 4 ? ['10.7.0.2', '10.7.0.3'] : ['fd07::2', 'fd07::3']).map(parseIpAddress) as [
        IpAddress,
        IpAddress,
      ];
      for (const [from, to] of [
        [mine, other],
        [other, mine],
      ] as const)
        trackFlows(family, from, to);
      trackFlows(family, other, family === 4 ? '192.0.2.1' : '2001:db8::1');
      const before = flowsOf(family, other);
      for (const list of listFlowsOf([mine])) {
        await new HostNetlink().deleteListed(path(NODE), list, (listed) => deleteFlow([mine], listed));
      }
      expect([before, flowsOf(family, mine), flowsOf(family, other)]).toEqual([5, 0, 1]);
    },
  );

  it('keeps the connections of other pods', async () => {
    const { a, b } = await twoPods();
    trackFlows(4, addressOf(b, 4), '192.0.2.1');
    await succeed('DEL', { pod: POD_A });
    expect(flowsOf(4, addressOf(b, 4))).toBe(1);
    expect(flowsOf(4, addressOf(a, 4))).toBe(0);
  });
});

/** An entry for UDP, and one of a Service whose backend is the destination. */
function trackFlows(family: 4 | 6, from: string, to: string): void {
  const service = family === 4 ? '10.96.0.10' : 'fd96::10';
  const flow = (sport: string) => ['-p', 'udp', '-t', '60', '--sport', sport, '--dport', '53'];
  inside(NODE, 'conntrack', '-I', ...flow('5000'), '-s', from, '-d', to);
  if (/^192|^2001/.test(to)) return;
  const reply = ['-r', to, '-q', from, '--reply-port-src', '53', '--reply-port-dst', '5001'];
  inside(NODE, 'conntrack', '-I', ...flow('5001'), '-s', from, '-d', service, ...reply);
}

function flowsOf(family: 4 | 6, address: string): number {
  const lines = inside(NODE, 'conntrack', '-L', '-f', `ipv${family}`).split('\n');
  return lines.filter((line) => line.split(/[ =]/).includes(address)).length;
}
