/**
 * Fields of IP headers on the way from pod to pod of two nodes, in both families: TTL as traceroute expects, DSCP on the underlay,
 * congestion marks of the underlay. Needs root and a build.
 */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { gatewayOf, parseCidr } from '../../common/address/cidr.js';
import { NODE_INTERFACE } from '../../deploy/demo/cluster/underlay.js';
import type { Pod } from '../../deploy/demo/cluster/cluster.js';
import type { NetworkNamespace } from '../../deploy/demo/machine/network-namespace.js';
import { Capture } from './capture.js';
import { useCluster } from './cluster-fixture.js';
import { PodProgram } from './pod-program.js';

const TEST_TIMEOUT_MS = 60_000;
const FAMILIES = ['4', '6'] as const;
type Family = (typeof FAMILIES)[number];
const PORT = 7100;
const ETHERNET_BYTES = 14;
/** Expedited forwarding, and the option of `ping` for it. */
const DSCP_BYTE = 46 << 2;

describe('a packet between pods of two nodes', () => {
  const cluster = useCluster({ nodes: 2, podsPerNode: 1 });
  const pods = () => cluster.get().pods as [Pod, Pod];

  it.each(FAMILIES)(
    'lives one hop less behind each node, as traceroute shows them, IPv%s',
    async (family) => {
      const [a, b] = pods();
      const expected = [gateway(a, family), gateway(b, family), address(b, family)];
      for (const [i, hop] of expected.entries()) {
        const options = ['-n', '-c', '1', '-W', '2', '-t', String(i + 1), address(b, family)];
        const answer = await a.namespace.run('sh', ['-c', `ping ${options.join(' ')} || true`]);
        expect(answer).toMatch(new RegExp(`(from|From) ${hop}[: ]`));
        expect(answer.includes('Time to live exceeded') || answer.includes('Hop limit')).toBe(hop !== expected[2]);
      }
    },
    TEST_TIMEOUT_MS,
  );

  it.each(FAMILIES)(
    'has its DSCP and ECN field on the underlay, and keeps them, IPv%s',
    async (family) => {
      const [a, b] = pods();
      const underlay = await Capture.start(
        a.node.namespace,
        NODE_INTERFACE,
        `udp src port 6785 and ip[1] == ${DSCP_BYTE | 2}`,
      );
      const arrived = await Capture.start(b.namespace, 'eth0', family === '4' ? 'icmp' : 'icmp6');
      await a.namespace.run('ping', [
        '-n',
        '-c',
        '3',
        '-i',
        '0.1',
        '-W',
        '2',
        '-Q',
        String(DSCP_BYTE | 2),
        address(b, family),
      ]);
      expect((await underlay.stop()).length).toBeGreaterThanOrEqual(3);
      const classes = (await arrived.stop()).map((frame) =>
        family === '4' ? frame[ETHERNET_BYTES + 1]! : (frame.readUInt16BE(ETHERNET_BYTES) >>> 4) & 0xff,
      );
      expect(classes).toContain(DSCP_BYTE | 2);
    },
    TEST_TIMEOUT_MS,
  );

  describe('of a connection with ECN, over an underlay that marks instead of dropping', () => {
    beforeAll(async () => {
      for (const { namespace, node } of pods()) {
        await namespace.run('sh', ['-c', 'echo 1 > /proc/sys/net/ipv4/tcp_ecn']);
        const rule = 'udp dport 6785 ip ecn ect0 ip ecn set ce';
        const chain = `chain congested {\ntype filter hook prerouting priority raw\n${rule}\n}`;
        await node.namespace.run('nft', ['-f', '-'], `table ip underlay {\n${chain}\n}\n`);
      }
    });

    it.each(FAMILIES)(
      'brings the mark to the pod, which tells the sender, and nothing is lost, IPv%s',
      async (family) => {
        const [a, b] = pods();
        const before = [await counter(b.namespace, 'InCEPkts'), await counter(a.namespace, 'TCPDeliveredCE')];
        const receiver = new PodProgram(b.namespace, ['receive-streams', String(PORT), '1']);
        await receiver.line();
        const sender = new PodProgram(a.namespace, ['send-streams', address(b, family), String(PORT), '1', '2000000']);
        expect(await receiver.report()).toEqual(await sender.report());
        const after = [await counter(b.namespace, 'InCEPkts'), await counter(a.namespace, 'TCPDeliveredCE')];
        if (family === '4') expect(after[0]).toBeGreaterThan(before[0]!);
        expect(after[1]).toBeGreaterThan(before[1]!);
        for (const { node } of pods()) expect((await node.api.status()).drops).not.toHaveProperty('congestedNotEct');
      },
      TEST_TIMEOUT_MS,
    );
  });
});

function address({ ips }: Pod, family: Family): string {
  return ips.find((ip) => ip.includes(':') === (family === '6'))!;
}

function gateway({ node }: Pod, family: Family): string {
  return gatewayOf(parseCidr(node.plan.podCidrs.find((cidr) => cidr.includes(':') === (family === '6'))!));
}

/** A counter of the namespace from `/proc/net/netstat`: lines in pairs, names and values. */
async function counter(namespace: NetworkNamespace, name: string): Promise<number> {
  const lines = (await namespace.run('cat', ['/proc/net/netstat'])).split('\n');
  const names = lines.findIndex((line) => line.split(' ').includes(name));
  return Number(lines[names + 1]!.split(' ')[lines[names]!.split(' ').indexOf(name)]);
}
