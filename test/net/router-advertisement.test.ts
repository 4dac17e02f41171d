/**
 * A node whose IPv6 default route comes from router advertisements: it keeps the route when forwarding is switched on, on every
 * interface, and gets its settings back. On the real kernel, in namespaces of its own. Needs root.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { findSettingArtefacts } from '../../cli/uninstall/host-settings.js';
import { reconcileHostNetwork } from '../../agent/host-network/host-network.js';
import type { HostNetworkSpec } from '../../agent/host-network/host-plan.js';
import { SettingsRecord } from '../../agent/host-network/settings-record.js';
import { parseCidr } from '../../common/address/cidr.js';
import { hostCommands } from '../../common/host/command.js';
import type { CommandRunner } from '../../common/host/command.js';
import { CrashingDisk } from '../../common/testing/crashing-disk.js';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import { RunLock } from '../../deploy/demo/machine/run-lock.js';
import { HOST_SPEC } from '../../agent/host-network/testing/host-spec.js';

const lock = await RunLock.take();
const host = `${lock.prefix}host`;
const router = `${lock.prefix}router`;
const inside: CommandRunner = {
  run: (program, args, input) => hostCommands.run('ip', ['netns', 'exec', host, program, ...args], input),
};
const sh = (line: string) => inside.run('sh', ['-c', line]);

const spec: HostNetworkSpec = { ...HOST_SPEC, stateDir: '/state' };
const FORWARDED_BEFORE = 'eth2';
const SETTINGS = [
  'all/forwarding',
  'default/accept_ra',
  'eth0/accept_ra',
  'eth1/accept_ra',
  'eth2/accept_ra',
  'eth2/forwarding',
];
const disk = new CrashingDisk(() => 0);
const settings = new SettingsRecord(disk, spec.stateDir);
const values = () =>
  inside.run('cat', [
    ...SETTINGS.map((name) => `/proc/sys/net/ipv6/conf/${name}`),
    ...['ip_forward', 'conf/all/accept_redirects', 'conf/eth2/forwarding'].map((name) => `/proc/sys/net/ipv4/${name}`),
  ]);
const defaultRoute = () => sh('ip -6 route show default proto ra dev eth0');

/** Router lifetime of 4 s, an advertisement each second: a route that is not refreshed is soon gone. */
const ADVERTISE = `
import socket,struct,time
s=socket.socket(socket.AF_INET6,socket.SOCK_RAW,58)
s.setsockopt(socket.IPPROTO_IPV6,socket.IPV6_MULTICAST_IF,socket.if_nametoindex('eth0'))
s.setsockopt(socket.IPPROTO_IPV6,socket.IPV6_MULTICAST_HOPS,255)
while True:
    try: s.sendto(struct.pack('!BBHBBHII',134,0,0,64,0,4,0,0),('ff02::1',0,0,socket.if_nametoindex('eth0')))
    except OSError: pass # while its address is tentative
    time.sleep(1)
`;
let advertiser: ChildProcess;
let before: string;

beforeAll(async () => {
  for (const name of [host, router]) await hostCommands.run('ip', ['netns', 'add', name]);
  const link = ['link', 'add', 'eth0', 'netns', host, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', router];
  await hostCommands.run('ip', link);
  await sh('ip link set lo up; ip link set eth0 up; ip link add eth1 type bridge; ip link add eth2 type bridge');
  await sh(`ip tuntap add mode tap name heddle-tap vnet_hdr multi_queue`);
  await sh(`echo 1 | tee /proc/sys/net/ipv[46]/conf/${FORWARDED_BEFORE}/forwarding`);
  await hostCommands.run('ip', ['-n', router, 'link', 'set', 'eth0', 'up']);
  await hostCommands.run('ip', ['netns', 'exec', router, 'sysctl', '-qw', 'net.ipv6.conf.all.forwarding=1']);
  advertiser = spawn('ip', ['netns', 'exec', router, 'python3', '-c', ADVERTISE], { stdio: 'inherit' });
  await waitUntil('a default route', 15_000, async () => (await defaultRoute()) !== '');
  before = await values();
}, 30_000);
afterAll(async () => {
  advertiser.kill();
  for (const name of [host, router]) await hostCommands.run('ip', ['netns', 'del', name]);
  lock.release();
});

describe('a host with a default route from a router advertisement', () => {
  it('keeps it, and only where forwarding was off', async () => {
    expect((await reconcileHostNetwork(inside, spec, settings)).problems).toEqual([]);
    const [forwarding, ...accepting] = (await values()).split('\n');
    expect([forwarding, ...accepting.slice(0, 4)]).toEqual(['1', '2', '2', '2', '1']);
    await holdsRoute();
  }, 20_000);

  it('keeps it when an interface comes later, or a program sets accept_ra to 1', async () => {
    await sh('ip link add eth3 type bridge; echo 1 > /proc/sys/net/ipv6/conf/eth0/accept_ra');
    await reconcileHostNetwork(inside, spec, new SettingsRecord(disk, spec.stateDir));
    expect(await sh('cat /proc/sys/net/ipv6/conf/eth[03]/accept_ra')).toBe('2\n2\n');
    await holdsRoute();
  }, 20_000);

  it('has its settings and its route after the removal', async () => {
    for (const artefact of await findSettingArtefacts(inside, disk, spec.stateDir)) await artefact.remove();
    expect(await values()).toBe(before);
    await holdsRoute();
  }, 20_000);
});

describe('a host that forwarded already', () => {
  it('has no setting of its interfaces changed', async () => {
    await sh('echo 1 > /proc/sys/net/ipv6/conf/all/forwarding');
    const forwarding = await values();
    const fresh = new SettingsRecord(new CrashingDisk(() => 0), spec.stateDir);
    await reconcileHostNetwork(inside, { ...spec, podCidrs: [parseCidr('fd00:1:0:1::/64')] }, fresh);
    expect(await values()).toBe(forwarding);
    expect(await fresh.changes()).toEqual([]);
  });
});

/** For longer than the router's lifetime. */
async function holdsRoute(): Promise<void> {
  const until = Date.now() + 6_000;
  while (Date.now() < until) {
    expect(await defaultRoute()).toContain('default via');
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
