/**
 * What a routed pod can see and do, on a cluster of two nodes in both families: few neighbour entries, errors that are heard,
 * no diverting of others' traffic, and a network that survives a change of MAC and a lost path. Needs root and a build.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { gatewayOf, parseCidr } from '../../common/address/cidr.js';
import { hostCommands } from '../../common/host/command.js';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { Pod } from '../../deploy/demo/cluster/cluster.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import type { NetworkNamespace } from '../../deploy/demo/machine/network-namespace.js';
import { compareAgain, useCluster } from './cluster-fixture.js';
import { neighbours, sendToMany } from './neighbour-entries.js';

const ECHO = resolve('test/net/echo.mjs');
const PORT = 7000;
const TEST_TIMEOUT_MS = 60_000;
/** Remote addresses that each pod sends to. */
const REMOTE_ADDRESSES = 200;
const REMOTE_PREFIXES = ['10.32.2.', 'fd00:32:0:2::'];
const FAMILIES = ['4', '6'] as const;
type Family = (typeof FAMILIES)[number];

describe('pods of two nodes', () => {
  const cluster = useCluster({ nodes: 2, podsPerNode: 2 });
  let server: ChildProcess;
  const nodes = () => cluster.get().nodes as [DemoNode, DemoNode];
  /** Two pods of the first node and one of the second. */
  const pods = () => {
    const [first, second] = nodes();
    const [a, neighbour] = cluster.get().pods.filter(({ node }) => node === first) as [Pod, Pod];
    return { a, neighbour, b: cluster.get().pods.find(({ node }) => node === second)! };
  };

  beforeAll(async () => {
    const { namespace } = pods().b;
    server = namespace.spawn(process.execPath, [ECHO, 'serve', String(PORT)], ['ignore', 'pipe', 'inherit']);
    await once(server.stdout!, 'data');
  }, TEST_TIMEOUT_MS);
  afterAll(() => void server.kill());

  it(
    'need no neighbour entry per remote address, neither in the pod nor on the node',
    async () => {
      const { a, neighbour } = pods();
      const before = await neighbours(a.node.namespace);
      for (const pod of [a, neighbour]) {
        await sendToMany(pod.namespace, REMOTE_ADDRESSES, REMOTE_PREFIXES);
        expect(await neighbours(pod.namespace)).toBe(2);
      }
      expect((await neighbours(a.node.namespace)) - before).toBeLessThanOrEqual(4);
    },
    TEST_TIMEOUT_MS,
  );

  it.each(FAMILIES)(
    'are told of an address that no pod has, here and on the other node, IPv%s',
    async (family) => {
      const { a } = pods();
      for (const node of nodes()) {
        const absent = (family === '4' ? '10.32.N.99' : 'fd00:32:0:N::99').replace('N', String(node.plan.index));
        const { error } = (await ask(a.namespace, absent)) as { error: string };
        expect(['EHOSTUNREACH', 'ENETUNREACH']).toContain(error);
      }
    },
    TEST_TIMEOUT_MS,
  );

  it.each(FAMILIES)(
    'are told at once of a cluster address that no node owns, IPv%s',
    async (family) => {
      const outcome = await ask(pods().a.namespace, family === '4' ? '10.32.77.5' : 'fd00:32:0:77::5');
      expect(['EHOSTUNREACH', 'ENETUNREACH']).toContain((outcome as { error: string }).error);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'send from no address but their own, which is counted',
    async () => {
      const { a, neighbour, b } = pods();
      for (const family of FAMILIES) {
        const bits = family === '4' ? '/32' : '/128';
        const stolen = addressOf(neighbour, family);
        await a.namespace.ip('address', 'add', stolen + bits, 'dev', 'eth0', ...(family === '6' ? ['nodad'] : []));
        await expect(ping(a.namespace, addressOf(b, family), stolen)).rejects.toThrow('100% packet loss');
        await a.namespace.ip('address', 'del', stolen + bits, 'dev', 'eth0');
        expect(await ping(neighbour.namespace, addressOf(b, family))).toContain(' 0% packet loss');
      }
      expect(await drops(a.node, 'podForeignSource')).toBeGreaterThan(0);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'divert nothing by forged ARP, neighbour or router advertisements',
    async () => {
      const { a, neighbour, b } = pods();
      const [node, pod] = [a.node.namespace, neighbour.namespace];
      const state = async () => [
        await pod.ip('neigh'),
        await node.ip('neigh', 'show', 'nud', 'permanent'),
        await pod.ip('-6', 'route'),
        await node.ip('-6', 'route'),
      ];
      const before = await state();
      const victims = [addressOf(neighbour, '4'), addressOf(neighbour, '6')];
      const gateways = a.node.plan.podCidrs.map((cidr) => gatewayOf(parseCidr(cidr)));
      await a.namespace.run('python3', ['-c', FORGE, ...victims, ...gateways.sort((x, y) => x.length - y.length)]);
      expect(await state()).toEqual(before);
      for (const family of FAMILIES) {
        expect(await ping(pod, addressOf(b, family))).toContain(' 0% packet loss');
        expect(await ping(node, addressOf(neighbour, family))).toContain(' 0% packet loss');
      }
      expect(await drops(a.node, 'podNeighbourDiscovery')).toBeGreaterThan(0);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'are followed at once when a chained plugin changes their MAC',
    async () => {
      const { a, b } = pods();
      await a.namespace.run('sh', ['-c', 'ip link set eth0 address 02:00:00:00:00:77']);
      await waitUntil('the new MAC in the source guard', 5000, async () =>
        (await a.node.namespace.run('nft', ['list', 'table', 'bridge', 'heddle'])).includes('02:00:00:00:00:77'),
      );
      for (const family of FAMILIES) expect(await ping(b.namespace, addressOf(a, family))).toContain(' 0% packet loss');
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'keep their network when the path of their namespace is gone',
    async () => {
      const { neighbour: pod, b } = pods();
      const process = pod.namespace.spawn('sleep', ['60'], 'ignore');
      await once(process, 'spawn');
      await ping(pod.namespace, addressOf(b, '4'));
      await hostCommands.run('umount', [pod.namespace.path]);
      rmSync(pod.namespace.path);
      await compareAgain(pod.node);
      for (const family of FAMILIES) {
        expect(await ping(b.namespace, addressOf(pod, family))).toContain(' 0% packet loss');
      }
      process.kill('SIGKILL');
      expect((await pod.node.api.status()).addresses.every(({ used }) => used === 2)).toBe(true);
    },
    TEST_TIMEOUT_MS,
  );
});

async function drops(node: DemoNode, reason: string): Promise<number> {
  return waitUntil(`drops by ${reason}`, 20_000, async () => (await node.api.status()).drops[reason] ?? false);
}

/** Output of three pings. Throws CommandError when none is answered. */
async function ping(from: NetworkNamespace, to: string, source?: string): Promise<string> {
  const options = ['-n', '-c', '3', '-i', '0.1', '-W', '1', ...(source === undefined ? [] : ['-I', source])];
  return from.run('sh', ['-c', `ping ${options.join(' ')} ${to} || { ping ${options.join(' ')} ${to} >&2; exit 1; }`]);
}

async function ask(from: NetworkNamespace, host: string): Promise<unknown> {
  return JSON.parse(await from.run(process.execPath, [ECHO, 'ask', 'tcp', host, String(PORT)]));
}

function addressOf({ ips }: Pod, family: Family): string {
  return ips.find((ip) => ip.includes(':') === (family === '6'))!;
}

/** Frames of a pod: "the victim and the gateway have my MAC", by ARP reply and request, neighbour and router advertisement. */
const FORGE = `
import socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(('eth0', 0)); mac = s.getsockname()[4]
v4, v6, g4, g6 = sys.argv[1:5]
every = b'\\xff' * 6
nodes = bytes.fromhex('333300000001')
def checksum(data):
    if len(data) % 2: data += b'\\0'
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
def icmp6(source, body):
    to = socket.inet_pton(socket.AF_INET6, 'ff02::1'); source = socket.inet_pton(socket.AF_INET6, source)
    pseudo = source + to + struct.pack('!I3xB', len(body), 58)
    body = body[:2] + struct.pack('!H', checksum(pseudo + body)) + body[4:]
    return nodes + mac + b'\\x86\\xdd' + struct.pack('!IHBB', 6 << 28, len(body), 58, 255) + source + to + body
for _ in range(3):
    for taken, other in ((v4, g4), (g4, v4)):
        a, b = socket.inet_aton(taken), socket.inet_aton(other)
        for operation in (1, 2):
            for to in (every, bytes.fromhex('0a5a00000001')):
                s.send(to + mac + struct.pack('!HHHBBH', 0x0806, 1, 0x800, 6, 4, operation) + mac + a + every + b)
    for taken in (v6, g6):
        target = socket.inet_pton(socket.AF_INET6, taken)
        s.send(icmp6(taken, struct.pack('!BBHI', 136, 0, 0, 0xa0000000) + target + b'\\x02\\x01' + mac))
    s.send(icmp6('fe80::1', struct.pack('!BBHBBHII', 134, 0, 0, 64, 0, 1800, 0, 0) + b'\\x01\\x01' + mac))
`;
