/**
 * The host-network reconciler on the real kernel, in a network namespace of its own: it makes the planned objects,
 * a second run changes nothing, and changes by hand are mended. Needs root.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { reconcileHostNetwork } from '../../agent/host-network/host-network.js';
import { SettingsRecord } from '../../agent/host-network/settings-record.js';
import { parseCidr } from '../../common/address/cidr.js';
import { hostCommands } from '../../common/host/command.js';
import type { CommandRunner } from '../../common/host/command.js';
import { GATEWAY_MAC } from '../../common/address/mac-address.js';
import { CrashingDisk } from '../../common/testing/crashing-disk.js';
import { RunLock } from '../../deploy/demo/machine/run-lock.js';
import { HOST_SPEC } from '../../agent/host-network/testing/host-spec.js';

/** Named as the demo's namespaces, so that its clean-up finds what a killed test left, and leaves a live one alone. */
const lock = await RunLock.take();
const namespace = `${lock.prefix}host`;
const ran: string[] = [];
const inside: CommandRunner = {
  run(program, args, input) {
    ran.push([program, ...args].join(' '));
    return hostCommands.run('ip', ['netns', 'exec', namespace, program, ...args], input);
  },
};
const settings = new SettingsRecord(new CrashingDisk(() => 0), '/state');
const sh = (line: string) => inside.run('sh', ['-c', line]);

const spec = HOST_SPEC;
/** Nobody reads the TAP, so the kernel may drop frames. */
const IN_ORDER = { repairs: [], problems: [], fullTables: [] };
const makeTap = 'ip tuntap add mode tap name heddle-tap vnet_hdr multi_queue';

beforeAll(async () => {
  await hostCommands.run('ip', ['netns', 'add', namespace]);
  await sh(`ip link set lo up; ${makeTap}; nft add table inet stranger`);
});
afterAll(async () => {
  await hostCommands.run('ip', ['netns', 'del', namespace]);
  lock.release();
});

describe('reconcileHostNetwork on a fresh host', () => {
  it('makes everything, and changes nothing in a second run', async () => {
    const first = await reconcileHostNetwork(inside, spec, settings);
    expect(first.problems).toEqual([]);
    expect(first.repairs).toContain('bridge heddle0 was missing');
    expect(await reconcileHostNetwork(inside, spec, settings)).toMatchObject(IN_ORDER);
  });

  it('gives the bridge its MAC, MTU, gateways and the routes to the cluster', async () => {
    const bridge = await sh('ip -details address show dev heddle0');
    expect(bridge).toContain(`link/ether ${GATEWAY_MAC}`);
    expect(bridge).toContain('mtu 1392');
    expect(bridge).toContain('inet 10.1.1.1/32');
    expect(bridge).toContain('inet6 fd00:1:0:1::1/128');
    expect(bridge).toContain('mcast_snooping 0');
    expect(bridge).toContain('alias heddle/1|node|/var/lib/heddle');
    expect(await sh('ip route get 10.1.77.5')).toContain('via 169.254.0.104 dev heddle-tap src 10.1.1.1');
    expect(await sh('ip -6 route get fd00:1:0:77::5')).toContain('via fe80::68 dev heddle-tap');
    await expect(sh('ip route get 10.1.1.77')).rejects.toThrow('No route to host');
    await expect(sh('ip -6 route get fd00:1:0:1::77')).rejects.toThrow('No route to host');
    expect((await sh('cat /proc/sys/net/ipv4/ip_forward')).trim()).toBe('1');
  });

  it('lets no super-frame to the TAP that is larger than those of pods, wherever it comes from', async () => {
    for (const link of ['heddle0', 'heddle-tap']) {
      expect(await sh(`ip -details link show dev ${link}`)).toContain('gso_max_size 61440');
    }
  });

  it('keeps the MAC when a port with a lower one joins', async () => {
    await sh('ip link add low address 02:00:00:00:00:01 type veth peer name low-end; ip link set low master heddle0');
    expect(await sh('cat /sys/class/net/heddle0/address || ip link show heddle0')).toContain(GATEWAY_MAC);
    await sh('ip link del low');
  });
});

describe('reconcileHostNetwork on a host that was changed by hand', () => {
  beforeAll(async () => {
    await reconcileHostNetwork(inside, spec, settings);
  });

  it.each([
    ['the bridge is deleted', 'ip link del heddle0'],
    ['the bridge is set down', 'ip link set heddle0 down'],
    ['the bridge gets another MAC', 'ip link set heddle0 address 02:00:00:00:00:99'],
    ['the bridge gets another MTU', 'ip link set heddle0 mtu 1300'],
    ['spanning tree is switched on', 'ip link set heddle0 type bridge stp_state 1'],
    ['multicast snooping is switched on', 'ip link set heddle0 type bridge mcast_snooping 1'],
    ['the IPv4 gateway is removed', 'ip address del 10.1.1.1/32 dev heddle0'],
    ['the IPv6 gateway is removed', 'ip address del fd00:1:0:1::1/128 dev heddle0'],
    ['the gateway is removed from the TAP', 'ip address del 10.1.1.1/32 dev heddle-tap'],
    ['a stale gateway is left', 'ip address add 10.9.9.1/24 dev heddle0'],
    ['the TAP falls off the bridge', 'ip link set heddle-tap nomaster'],
    ['the TAP is replaced', `ip link del heddle-tap; ${makeTap}`],
    ['the TAP is set down', 'ip link set heddle-tap down'],
    ['the TAP gets another MTU', 'ip link set heddle-tap mtu 1300'],
    ['the bridge loses its mark', 'ip link set heddle0 alias ""'],
    ['the bridge takes larger super-frames', 'ip link set heddle0 gso_max_size 65536'],
    ['the TAP takes larger super-frames', 'ip link set heddle-tap gso_max_size 65536'],
    ['the TAP learns', 'bridge link set dev heddle-tap learning on'],
    ['the TAP does not flood groups', 'bridge link set dev heddle-tap mcast_flood off'],
    ['the IPv4 route is removed', 'ip route del 10.1.0.0/16'],
    ['the IPv6 route is removed', 'ip -6 route del fd00:1::/48'],
    ['the IPv4 route to nowhere is removed', 'ip route del unreachable 10.1.1.0/24'],
    ['the IPv6 route to nowhere is removed', 'ip -6 route del unreachable fd00:1:0:1::/64'],
    ['an on-link route of an earlier version is left', 'ip route add 10.1.0.0/16 dev heddle0 proto 104 metric 7'],
    ['the next hop is removed', 'ip neigh del 169.254.0.104 dev heddle-tap; ip neigh del fe80::68 dev heddle-tap'],
    [
      'the next hop gets another MAC',
      'ip neigh replace fe80::68 lladdr 02:00:00:00:00:09 dev heddle-tap nud permanent',
    ],
    ['IPv6 is disabled on the TAP', 'echo 1 > /proc/sys/net/ipv6/conf/heddle-tap/disable_ipv6'],
    ['strict reverse path filtering is switched on', 'echo 1 > /proc/sys/net/ipv4/conf/heddle0/rp_filter'],
    ['the source guard is deleted', 'nft delete table bridge heddle'],
    ['a rule of the source guard is deleted', 'nft flush chain bridge heddle from-pods'],
    ['forwarding is switched off', 'echo 0 > /proc/sys/net/ipv4/ip_forward'],
    ['the bridge takes router advertisements', 'echo 1 > /proc/sys/net/ipv6/conf/heddle0/accept_ra'],
    ['IPv6 is disabled on the bridge', 'echo 1 > /proc/sys/net/ipv6/conf/heddle0/disable_ipv6'],
    ['the nft table is deleted', 'nft delete table inet heddle'],
    ['the nft table is flushed', 'nft flush table inet heddle'],
    ['a rule is added to our table', 'nft add rule inet heddle into-mesh drop'],
    ['all rules of the host are flushed', 'nft flush ruleset; nft add table inet stranger'],
  ])('mends it when %s', async (_, change) => {
    await sh(change);
    const outcome = await reconcileHostNetwork(inside, spec, settings);
    expect(outcome.problems).toEqual([]);
    expect(outcome.repairs).not.toEqual([]);
    expect(await reconcileHostNetwork(inside, spec, settings)).toMatchObject(IN_ORDER);
  });

  it('leaves the tables and routes of others alone', async () => {
    await sh(
      'nft add chain inet stranger c; nft add rule inet stranger c accept; ip route add 10.1.200.0/24 dev heddle0',
    );
    await sh('nft delete table inet heddle');
    await reconcileHostNetwork(inside, spec, settings);
    expect(await sh('nft list table inet stranger')).toContain('accept');
    expect(await sh('ip route show dev heddle0')).toContain('10.1.200.0/24');
    await sh('ip route del 10.1.200.0/24 dev heddle0');
  });

  it('reports a missing TAP, and keeps everything else in order', async () => {
    await sh('ip link del heddle-tap; nft delete table inet heddle');
    const outcome = await reconcileHostNetwork(inside, spec, settings);
    expect(outcome.problems).toEqual([{ part: 'tap', message: expect.stringContaining('heddle-tap is missing') }]);
    expect(outcome.repairs).toEqual(['nft table inet heddle was missing']);
    await sh(makeTap);
  });

  it('removes what an earlier configuration made', async () => {
    const moved = { ...spec, podCidrs: [parseCidr('10.1.5.0/24')], clusterCidrs: [parseCidr('10.0.0.0/8')] };
    const outcome = await reconcileHostNetwork(inside, moved, settings);
    expect(outcome.problems).toEqual([]);
    const shown = await sh('ip address show dev heddle0; ip route show');
    expect(shown).toContain('10.1.5.1/32');
    expect(shown).not.toContain('10.1.1.1');
    expect(shown).toContain('10.0.0.0/8');
    expect(shown).not.toContain('10.1.0.0/16');
    expect(await reconcileHostNetwork(inside, moved, settings)).toMatchObject(IN_ORDER);
  });

  it('looks for left over routes, and otherwise runs no IPv6 command, on a node without an IPv6 pod CIDR', async () => {
    const only4 = { ...spec, podCidrs: [parseCidr('10.1.1.0/24')] };
    await reconcileHostNetwork(inside, only4, settings);
    ran.length = 0;
    await reconcileHostNetwork(inside, only4, settings);
    expect(ran.filter((line) => / -6 |ipv6\/conf|ip6/.test(line))).toEqual(['ip -json -6 route show proto 104']);
  });
});
