/**
 * The CNI plugin on the real kernel (`cni-fixture.ts`): the verbs in every version of the specification, pods that reach
 * each other, repeated and late calls, an agent that was stopped.
 */
import { spawn } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import { HostNetlink } from '../../agent/netlink/host-netlink.js';
import { setLinkMaster, setLinkMtu, setLinkUp } from '../../cni/pod-network/link-requests.js';
import { addAddress, putRoute } from '../../cni/pod-network/route-requests.js';
import { parseCidr } from '../../common/address/cidr.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import { HeddleError } from '../../common/errors.js';
import {
  addressOf,
  cni,
  failure,
  inside,
  ip,
  lab,
  NODE,
  path,
  ping,
  POD_A,
  POD_B,
  hostInterfaces,
  succeed,
  TestAgent,
  UNIQUE,
  useCniNode,
} from './cni-fixture.js';
import { CNI_VERSIONS } from '../../common/cni-versions.js';

/** The kernel ends a namespace, and the pairs in it, some time after the last name and process. */
const GONE_WITHIN_MS = 10_000;

useCniNode();

describe.each(['c', 'node'])('called through the %s relay', (relay) => {
  it.each(CNI_VERSIONS)('speaks version %s from VERSION to DEL', async (version) => {
    const call = { version, relay };
    expect(await succeed('VERSION', { ...call, netns: 'dummy' })).toMatchObject({
      supportedVersions: CNI_VERSIONS,
    });
    const added = await succeed('ADD', call);
    expect(added.cniVersion).toBe(version);
    expect(added.interfaces[1]).toMatchObject({ name: 'eth0', sandbox: path(POD_A), mac: '0a:58:0a:63:01:02' });
    expect(added.ips.map((entry) => entry.version)).toEqual(version < '1' ? ['4', '6'] : [undefined, undefined]);
    if (version >= '0.4') await succeed('CHECK', { ...call, config: { prevResult: added } });
    if (version === '1.1.0') {
      expect(added.interfaces[1]?.mtu).toBe(1390);
      await succeed('STATUS', call);
      await succeed('GC', { ...call, config: { 'cni.dev/valid-attachments': [] } });
      expect(hostInterfaces()).toEqual([]);
    }
    await succeed('DEL', { ...call, config: { prevResult: added } });
    await succeed('DEL', { ...call, netns: '' });
    expect(hostInterfaces()).toEqual([]);
    expect(lab.agent.ipam.list()).toEqual([]);
    expect(lab.agent.announced).toEqual([]);
  });
});

describe('pods of one node', () => {
  it('reach each other and the gateway, over IPv4 and IPv6, with the MTU and super-frames they were given', async () => {
    const a = await succeed('ADD', { pod: POD_A });
    const b = await succeed('ADD', { pod: POD_B });
    for (const family of [4, 6] as const) ping(POD_A, addressOf(b, family));
    for (const gateway of ['10.99.1.1', 'fd99:1::1']) ping(POD_B, gateway);
    ping(NODE, addressOf(a, 4));
    expect(inside(POD_A, 'ip', '-d', 'link', 'show', 'eth0')).toMatch(/mtu 1390 .*gso_max_size 61440/s);
  });

  it('are reached after a long silence: their MAC is bound to their port', async () => {
    const { interfaces } = await succeed('ADD');
    expect(inside(NODE, 'bridge', 'fdb', 'show', 'br', 'br0')).toContain(
      `${interfaces[1]!.mac} dev ${interfaces[0]!.name} sticky master br0 static`,
    );
  });

  it('have no tentative address when ADD answers', async () => {
    await succeed('ADD');
    expect(inside(POD_A, 'ip', '-6', 'addr', 'show', 'dev', 'eth0', 'scope', 'global')).not.toContain('tentative');
  });

  it('get IPv6 even where the namespace came with it disabled', async () => {
    const off = 'net.ipv6.conf.default.disable_ipv6=1';
    inside(POD_A, 'sysctl', '-q', '-w', off);
    await succeed('ADD');
    ping(POD_A, 'fd99:1::1');
  });

  it('may be attached twenty at a time', async () => {
    const pods = Array.from({ length: 20 }, (_, i) => `${UNIQUE}p${i}`);
    for (const pod of pods) ip('netns', 'add', pod);
    const results = await Promise.all(pods.map((pod) => succeed('ADD', { pod })));
    expect(new Set(results.map((result) => addressOf(result, 4))).size).toBe(20);
    expect(hostInterfaces()).toHaveLength(20);
    ping(pods[0]!, addressOf(results[19]!, 6));
    await Promise.all(pods.map((pod) => succeed('DEL', { pod })));
    expect(hostInterfaces()).toEqual([]);
  });

  it('may be in a namespace that is named by a process', async () => {
    const child = spawn('nsenter', [`--net=${path(POD_A)}`, 'sleep', '60'], { stdio: 'ignore' });
    try {
      const b = await succeed('ADD', { pod: POD_B });
      await inNamespace(child.pid!, POD_A);
      await succeed('ADD', { netns: `/proc/${child.pid}/ns/net` });
      ping(POD_A, addressOf(b, 4));
    } finally {
      child.kill();
    }
  });
});

/** Polls until the process has entered the namespace. */
async function inNamespace(pid: number, namespace: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (ip('netns', 'pids', namespace).split('\n').includes(String(pid))) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('requests to the kernel', () => {
  const netlink = new HostNetlink();

  it('are all made, also after a failed one, which is told in the words of the kernel', async () => {
    // More than one write holds, about an interface that the first request fails to make.
    const many = Array.from({ length: 100 }, (_, i) => putRoute('add', { dst: cidrOf(i), dev: 'lo' }));
    const requests = [
      setLinkMaster('lo', 'absent'),
      { ...setLinkMtu('absent', 1400), optional: true },
      setLinkUp('lo'),
    ];
    const run = netlink.run(path(POD_A), [...requests, ...many]);
    await expect(run).rejects.toMatchObject({ request: 'ip link set dev lo master absent', errno: 19 });
    expect(inside(POD_A, 'ip', 'route').trim().split('\n')).toHaveLength(100);
    const again = netlink.run(path(POD_A), many.slice(99));
    await expect(again).rejects.toThrow('ip route add 10.7.99.0/24 dev lo failed: file already exists (EEXIST)');
    const unreachable = putRoute('add', { dst: cidrOf(200), dev: 'lo', gateway: parseIpAddress('192.0.2.1') });
    await expect(netlink.run(path(POD_A), [unreachable])).rejects.toThrow(/Nexthop has invalid gateway/);
  });

  it('are made together in several namespaces, and are refused where there is none', async () => {
    const pods = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? POD_A : POD_B));
    await Promise.all(pods.map((pod, i) => netlink.run(path(pod), [setLinkUp('lo'), addAddress(addressAt(i), 'lo')])));
    for (const pod of [POD_A, POD_B]) expect(inside(pod, 'ip', '-4', 'addr').match(/inet 10\.7/g)).toHaveLength(10);
    for (const nowhere of ['/run/netns/absent', '/etc/hostname']) {
      await expect(netlink.run(nowhere, [setLinkUp('lo')])).rejects.toMatchObject({ code: 'NOT_FOUND' });
    }
  });
});

const cidrOf = (i: number) => parseCidr(`10.7.${i}.0/24`);
const addressAt = (i: number) => parseIpAddress(`10.7.0.${i + 1}`);

describe('repeated and late calls', () => {
  it('ADD answers the same while the attachment is as it should be', async () => {
    const first = await succeed('ADD');
    expect(await succeed('ADD')).toEqual(first);
    expect(hostInterfaces()).toHaveLength(1);
  });

  it('ADD attaches again, at the same address, what was damaged or has a new namespace', async () => {
    const first = await succeed('ADD');
    inside(POD_A, 'ip', 'addr', 'flush', 'dev', 'eth0');
    expect((await succeed('ADD')).ips).toEqual(first.ips);
    expect((await succeed('ADD', { netns: path(POD_B) })).ips).toEqual(first.ips);
    ping(POD_B, '10.99.1.1');
    expect(hostInterfaces()).toHaveLength(1);
  });

  it('ADD refuses a name that the pod uses already, and leaves no trace', async () => {
    ip('-n', POD_A, 'link', 'add', 'eth0', 'type', 'bridge');
    const { code, details } = await failure('ADD');
    expect(code).toBe(102);
    expect(details).toContain('EEXIST');
    expect([hostInterfaces(), lab.agent.ipam.list(), lab.agent.service.endpoints()]).toEqual([[], [], []]);
  });

  it('ADD into a namespace that does not exist is an unknown container', async () => {
    expect(await failure('ADD', { netns: '/run/netns/none' })).toMatchObject({ code: 3, details: '/run/netns/none' });
    expect([hostInterfaces(), lab.agent.ipam.list()]).toEqual([[], []]);
  });

  it('DEL works after the namespace vanished, and frees the address', async () => {
    await succeed('ADD');
    ip('netns', 'del', POD_A);
    await succeed('DEL');
    expect([hostInterfaces(), lab.agent.ipam.list(), lab.agent.announced]).toEqual([[], [], []]);
  });

  it('CHECK finds what was taken away', async () => {
    const prevResult = await succeed('ADD');
    inside(POD_A, 'ip', 'route', 'del', 'default');
    ip('-n', NODE, 'link', 'set', prevResult.interfaces[0]!.name, 'nomaster');
    const { code, details } = await failure('CHECK', { config: { prevResult } });
    expect(code).toBe(103);
    expect(details).toContain('is on no bridge');
    expect(details).toContain('route to 0.0.0.0/0 is missing');
  });

  it('STATUS and ADD say why the node is not ready', async () => {
    lab.agent.unready = { code: 50, message: 'the router is not connected' };
    expect(await failure('STATUS', { version: '1.1.0' })).toMatchObject({
      code: 50,
      details: 'the router is not connected',
    });
    expect(await failure('ADD', { withinMs: 300 })).toMatchObject({ code: 11, details: 'the router is not connected' });
  });
});

describe('an agent that was stopped', () => {
  it('runs the deletes in the spool when it starts again', async () => {
    await succeed('ADD');
    await lab.agent.stop();
    await succeed('DEL');
    expect(readdirSync(lab.agent.spool)).toHaveLength(1);
    expect(await failure('ADD', { pod: POD_B, withinMs: 300 })).toMatchObject({ code: 11 });
    await lab.agent.start();
    expect([hostInterfaces(), lab.agent.ipam.list(), readdirSync(lab.agent.spool)]).toEqual([[], [], []]);
  });

  it('finds its pods again, and frees those whose namespace is gone', async () => {
    const kept = await succeed('ADD', { pod: POD_A });
    await succeed('ADD', { pod: POD_B });
    await lab.agent.stop();
    ip('netns', 'del', POD_B);
    await waitUntil('the end of the pair of the namespace', GONE_WITHIN_MS, () =>
      Promise.resolve(hostInterfaces().length === 1),
    );
    await lab.agent.start();
    expect(lab.agent.announced.map((record) => record.containerId)).toEqual([`id-${POD_A}`]);
    expect(lab.agent.ipam.list().map((entry) => entry.ip)).toEqual(
      kept.ips.map((entry) => entry.address.split('/')[0]),
    );
  });

  it('rebuilds both records from the kernel when they are lost', async () => {
    const before = await succeed('ADD');
    await lab.agent.stop();
    for (const state of ['ipam', 'endpoints']) rmSync(join(lab.folder, state), { recursive: true });
    await lab.agent.start();
    expect(lab.agent.service.endpoints()).toMatchObject([{ containerId: `id-${POD_A}`, netns: path(POD_A) }]);
    expect(await succeed('ADD')).toEqual(before);
  });

  it('puts pods back on a bridge that was made anew', async () => {
    const { interfaces } = await succeed('ADD');
    ip('-n', NODE, 'link', 'set', interfaces[0]!.name, 'nomaster');
    await lab.agent.service.reconcile();
    ping(POD_A, '10.99.1.1');
  });

  it('leaves interfaces of others alone, whatever their names are', async () => {
    const strangers = ['hd0123456789abc', 'hd0123456789abd'];
    for (const name of strangers) ip('-n', NODE, 'link', 'add', name, 'type', 'veth');
    ip('-n', NODE, 'link', 'set', strangers[0]!, 'master', 'br0');
    await succeed('ADD');
    await lab.agent.service.reconcile();
    expect(hostInterfaces()).toEqual(expect.arrayContaining(strangers));
    expect(hostInterfaces()).toHaveLength(3);
  });

  it('leaks nothing when it is killed before any command of ADD', async () => {
    for (let command = 1; command <= 5; command++) {
      await lab.agent.stop();
      let left = command;
      lab.agent = new TestAgent(lab.folder, (text) => {
        if (/route show|link show|addr show/.test(text)) return;
        if (--left <= 0) throw new HeddleError('PORT_CLOSED', 'the agent is dead');
      });
      left = Infinity;
      await lab.agent.start();
      left = command;
      await cni('ADD');
      await lab.agent.stop();
      lab.agent = new TestAgent(lab.folder);
      await lab.agent.start();
      const owners = new Set(lab.agent.ipam.list().map((entry) => entry.owner.containerId));
      expect(lab.agent.service.endpoints().map((record) => record.containerId)).toEqual([...owners]);
      expect(hostInterfaces()).toHaveLength(owners.size);
      const added = await succeed('ADD');
      ping(POD_A, '10.99.1.1');
      expect(added.ips).toHaveLength(2);
      await succeed('DEL');
      expect([hostInterfaces(), lab.agent.ipam.list()]).toEqual([[], []]);
    }
  });
});
