/**
 * hostPort and bandwidth of pods, by the configuration list that the agent installs and the reference plugins, in both
 * families: reached from outside, from other pods, from the pod itself and by 127.0.0.1. Needs root, a build and
 * containernetworking-plugins.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { ConfInstaller } from '../../cni/index.js';
import { parseCniChain } from '../../common/cni-chain.js';
import { hostCommands } from '../../common/host/command.js';
import { systemDisk } from '../../common/storage/disk.js';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { Pod } from '../../deploy/demo/cluster/cluster.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import type { NetworkNamespace } from '../../deploy/demo/machine/network-namespace.js';
import { ChainRuntime, REFERENCE_PLUGIN_FOLDER } from './chain-runtime.js';
import { describeWith } from './installed-programs.js';
import type { ChainCall, ChainResult, ConfList } from './chain-runtime.js';
import { DIST_DIR, useCluster } from './cluster-fixture.js';

const ECHO = resolve('test/net/echo.mjs');
const CONTAINER_PORT = 7000;
const HOST_PORT = 8080;
const RATE_BITS = 8_000_000;
const TEST_TIMEOUT_MS = 60_000;
const FAMILIES = ['4', '6'] as const;
type Family = (typeof FAMILIES)[number];

const PORT_MAPPINGS = ['tcp', 'udp', 'sctp'].map((protocol) => ({
  ...{ hostPort: HOST_PORT, containerPort: CONTAINER_PORT, protocol },
}));
const BANDWIDTH = { ingressRate: RATE_BITS, ingressBurst: 800_000, egressRate: RATE_BITS, egressBurst: 800_000 };

describeWith([join(REFERENCE_PLUGIN_FOLDER, 'portmap')], 'a pod with a hostPort', () => {
  const cluster = useCluster({ nodes: 2, podsPerNode: 2 });
  const runtime = new ChainRuntime();
  const folder = mkdtempSync(join(tmpdir(), 'heddle-host-ports-'));
  let server: ChildProcess;
  let call: ChainCall;
  let result: ChainResult;

  /** The pod with the hostPort, its neighbour, and a pod of the other node. */
  const pods = () => {
    const { nodes, pods: all } = cluster.get();
    const [mine, neighbour] = all.filter(({ node }) => node === nodes[0]) as [Pod, Pod];
    return { mine, neighbour, far: all.find(({ node }) => node === nodes[1])! };
  };

  beforeAll(async () => {
    const { mine } = pods();
    await cluster.get().cni('DEL', mine);
    call = { list: await installedList(folder), pod: mine, capabilityArgs: { portMappings: PORT_MAPPINGS } };
    result = await runtime.add(call);
    server = mine.namespace.spawn(
      process.execPath,
      [ECHO, 'serve', String(CONTAINER_PORT)],
      ['ignore', 'pipe', 'inherit'],
    );
    await linesOf(server).next();
  }, TEST_TIMEOUT_MS);
  afterAll(() => {
    server.kill();
    rmSync(folder, { recursive: true });
  });

  it(
    'passes CHECK, and keeps it while the agent compares its pods',
    async () => {
      await runtime.check(checked(call), result);
      await pods().mine.node.namespace.run('nft', ['delete', 'table', 'inet', 'heddle']);
      await waitUntil('the repair of the host', 20_000, async () =>
        (await pods().mine.node.namespace.run('nft', ['list', 'tables'])).includes('inet heddle'),
      );
      await runtime.check(checked(call), result);
    },
    TEST_TIMEOUT_MS,
  );

  const cases = FAMILIES.flatMap((family) => ['tcp', 'udp'].map((protocol) => [family, protocol] as const));

  it.each(cases)(
    'is reached with the source of its client from outside and from a neighbour, IPv%s, %s',
    async (family, protocol) => {
      const { mine, neighbour, far } = pods();
      const [host, outside] = [mine, far].map(({ node }) => underlayOf(node, family)) as [string, string];
      const askFrom = (namespace: NetworkNamespace) => ask(namespace, protocol, host);
      expect(await askFrom(far.node.namespace)).toEqual({ seen: outside });
      // What leaves the cluster is masqueraded by its own node.
      expect(await askFrom(far.namespace)).toEqual({ seen: outside });
      expect(await askFrom(neighbour.namespace)).toEqual({ seen: addressOf(neighbour, family) });
    },
    TEST_TIMEOUT_MS,
  );

  it.each(cases)(
    'is reached by itself and by its node, IPv%s, %s',
    async (family, protocol) => {
      const { mine } = pods();
      const host = underlayOf(mine.node, family);
      expect(await ask(mine.namespace, protocol, host)).toHaveProperty('seen');
      expect(await ask(mine.node.namespace, protocol, host)).toHaveProperty('seen');
    },
    TEST_TIMEOUT_MS,
  );

  it.each(['tcp', 'udp'])(
    'is reached by 127.0.0.1 on its node, %s',
    async (protocol) => {
      expect(await ask(pods().mine.node.namespace, protocol, '127.0.0.1')).toHaveProperty('seen');
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'cannot send to loopback addresses of its node, which is counted',
    async () => {
      const { mine } = pods();
      const listener = mine.node.namespace.spawn('python3', ['-c', LISTEN_ON_LOOPBACK], ['ignore', 'pipe', 'inherit']);
      const lines = linesOf(listener);
      await lines.next();
      await mine.namespace.run('python3', ['-c', SEND_TO_LOOPBACK, result.ips[0]!.address.split('/')[0]!]);
      await waitUntil('the drop', 20_000, async () => {
        const { drops } = await mine.node.api.status();
        return (drops['podToLoopback'] ?? 0) >= 2;
      });
      listener.kill();
      expect(await lines.next()).toMatchObject({ done: true });
    },
    TEST_TIMEOUT_MS,
  );

  it.each(FAMILIES)(
    'gets SCTP packets too, IPv%s',
    async (family) => {
      const { mine, far } = pods();
      const receiver = mine.namespace.spawn('python3', ['-c', RECEIVE_SCTP, family], ['ignore', 'pipe', 'inherit']);
      const lines = linesOf(receiver);
      await lines.next();
      const target = [underlayOf(mine.node, family), String(HOST_PORT)];
      const sender = far.node.namespace.spawn(
        'python3',
        ['-c', SEND_SCTP, ...target],
        ['ignore', 'inherit', 'inherit'],
      );
      const { value: seen } = await lines.next();
      for (const program of [sender, receiver]) program.kill();
      expect(seen).toBe(`${underlayOf(far.node, family)} to port ${CONTAINER_PORT}`);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'is gone after DEL, with its rules',
    async () => {
      const { mine, far } = pods();
      await runtime.del(call, result);
      for (const family of FAMILIES) {
        const outcome = await ask(far.node.namespace, 'tcp', underlayOf(mine.node, family));
        expect(outcome).toMatchObject({ error: 'ECONNREFUSED' });
      }
      expect(await mine.node.namespace.run('iptables-save', [])).not.toContain(`dport ${HOST_PORT}`);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'is limited to its bandwidth in both directions, and DEL removes the limit',
    async () => {
      const { mine, neighbour } = pods();
      const limited = { ...call, capabilityArgs: { bandwidth: BANDWIDTH } };
      const added = await runtime.add(limited);
      await runtime.check(checked(limited), added);
      const [address] = added.ips.map((ip) => ip.address.split('/')[0]!);
      for (const [from, to, at] of [
        [neighbour.namespace, mine.namespace, address!],
        [mine.namespace, neighbour.namespace, addressOf(neighbour, '4')],
      ] as const) {
        const bits = await transferRate(from, to, at);
        expect(bits).toBeLessThan(RATE_BITS * 1.3);
        expect(bits).toBeGreaterThan(RATE_BITS * 0.5);
      }
      await runtime.del(limited, added);
      expect(await mine.node.namespace.ip('link', 'show', 'type', 'ifb')).toBe('');
    },
    TEST_TIMEOUT_MS,
  );
});

/** The list that an agent installs on a node with the reference plugins. */
async function installedList(folder: string): Promise<ConfList> {
  const installer = new ConfInstaller(systemDisk, hostCommands, () => ({
    ...{ confDir: folder, binDir: '', executable: join(DIST_DIR, 'heddle-cni'), cniVersion: '1.0.0' },
    ...{ chain: parseCniChain(''), writtenConf: join(folder, 'written'), socketPath: '', spoolDirectory: '' },
  }));
  await installer.install();
  expect(installer.notes).toEqual([]);
  return JSON.parse(readFileSync(join(folder, '10-heddle.conflist'), 'utf8')) as ConfList;
}

async function ask(from: NetworkNamespace, protocol: string, host: string): Promise<unknown> {
  return JSON.parse(await from.run(process.execPath, [ECHO, 'ask', protocol, host, String(HOST_PORT)]));
}

/** Bits a second of a transfer of 2 MB by TCP. */
async function transferRate(from: NetworkNamespace, to: NetworkNamespace, address: string): Promise<number> {
  const receiver = to.spawn('python3', ['-c', RECEIVE_ALL, address], ['ignore', 'pipe', 'inherit']);
  const lines = linesOf(receiver);
  await lines.next();
  await from.run('python3', ['-c', SEND_ALL, address]);
  const { value: bits } = await lines.next();
  return Number(bits);
}

/**
 * Only heddle-cni. CHECK of portmap 1.1.1 compares the IPv6 chain with the IPv4 rules, and that of bandwidth crashes without
 * limits.
 */
function checked(call: ChainCall): ChainCall {
  const plugins = call.list.plugins.filter(({ type }) => type === 'heddle-cni');
  return { ...call, list: { ...call.list, plugins } };
}

function linesOf(child: ChildProcess): AsyncIterator<string, undefined> {
  return createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
}

function underlayOf({ plan }: DemoNode, family: Family): string {
  return family === '4' ? plan.underlayV4 : plan.underlayV6;
}

function addressOf({ ips }: Pod, family: Family): string {
  return ips.find((ip) => ip.includes(':') === (family === '6'))!;
}

const RECEIVE_ALL = `
import socket, sys, time
s = socket.create_server((sys.argv[1], 7100)); print('ready', flush=True)
c, _ = s.accept(); began = None; got = 0
while True:
    d = c.recv(65536)
    if not d: break
    if began is None: began = time.monotonic()
    got += len(d)
print(int(8 * got / (time.monotonic() - began)), flush=True)
`;
const SEND_ALL = `
import socket, sys
s = socket.create_connection((sys.argv[1], 7100)); s.sendall(bytes(2000000)); s.close()
`;
const LISTEN_ON_LOOPBACK = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 7200)); print('ready', flush=True)
while True: print(s.recv(99), flush=True)
`;
/** UDP from the pod's address to 127.0.0.1 port 7200, in frames to the gateway and to every station. */
const SEND_TO_LOOPBACK = `
import socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(('eth0', 0)); mac = s.getsockname()[4]
def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
ip = struct.pack('!BBHHHBBH', 0x45, 0, 32, 0, 0, 64, 17, 0) + socket.inet_aton(sys.argv[1]) + socket.inet_aton('127.0.0.1')
ip = ip[:10] + struct.pack('!H', checksum(ip)) + ip[12:]
for to in (bytes.fromhex('0a5a00000001'), b'\\xff' * 6):
    s.send(to + mac + b'\\x08\\x00' + ip + struct.pack('!HHHH', 7200, 7200, 12, 0) + b'ping')
`;
/** Packets are made and read by raw sockets, since the kernel may have conntrack for SCTP without having SCTP. */
const RECEIVE_SCTP = `
import socket, struct, sys
six = sys.argv[1] == '6'
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, 132); print('ready', flush=True)
packet, source = s.recvfrom(999)
print('%s to port %d' % (source[0], struct.unpack('!H', packet[(0 if six else 20) + 2:][:2])[0]), flush=True)
`;
const SEND_SCTP = `
import socket, struct, sys, time
def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8): crc = (crc >> 1) ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff
six = ':' in sys.argv[1]
init = struct.pack('!BBHIIHHI', 1, 0, 20, 1, 65536, 1, 1, 1)
packet = struct.pack('!HHII', 7300, int(sys.argv[2]), 0, 0) + init
packet = packet[:8] + struct.pack('<I', crc32c(packet)) + packet[12:]
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, 132)
while True:
    s.sendto(packet, (sys.argv[1], 0))
    time.sleep(0.5)
`;
