/**
 * Cost of the policies' table in the kernel: to write and to compare it, and what it costs packets between two pods of the node that
 * policies isolate in both directions and let reach each other. The clusters take turns.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseIpAddress } from '../../../common/address/ip-address.js';
import {
  asInstalled,
  Cluster,
  POLICY_TABLE,
  PolicyCompiler,
  readInstalled,
  tableCommands,
} from '../../../policy/index.js';
import type { PolicyTable } from '../../../policy/index.js';
import { runJson } from '../../../common/host/command.js';
import { parseTcpOutput } from '../iperf-output.js';
import type { Lab } from '../lab.js';
import { median } from '../median.js';
import type { NetworkNamespace } from '../../../deploy/demo/machine/network-namespace.js';
import { fill, localPodsOf } from './compiler-cost.js';
import { largeCluster } from './large-cluster.js';
import type { ClusterSize } from './large-cluster.js';

const ADDRESSES = [parseIpAddress('10.200.0.1'), parseIpAddress('10.200.0.2')] as const;
/** That the policies of the clusters allow to pods of one namespace. */
const PORT = 8080;
const CONNECT = 'test/bench/policy/connect.mjs';
const ROUNDS = 5;
const SECONDS = 2;
const MARGIN_MS = 10_000;
/** Until a server listens. */
const SETTLE_MS = 400;

export interface KernelCost {
  readonly policies: number;
  /** All of the table; one element; its comparison with the kernel. */
  readonly ms: { readonly load: number[]; readonly change: number[]; readonly compare: number[] };
  readonly gbps: number[];
  readonly connectionsPerSecond: number[];
}

interface Subject {
  readonly cost: KernelCost;
  readonly table: PolicyTable;
  /** The same without one element. */
  readonly before: PolicyTable;
}

interface Ends {
  readonly node: NetworkNamespace;
  readonly client: NetworkNamespace;
  readonly server: NetworkNamespace;
}

export async function measureKernel(lab: Lab, sizes: readonly ClusterSize[], localPods: number): Promise<KernelCost[]> {
  const subjects = sizes.map((size) => subjectOf(size, localPods));
  const ends = await createEnds(lab);
  for (let round = 0; round < ROUNDS; round++) for (const subject of subjects) await measure(lab, ends, subject);
  return subjects.map(({ cost }) => cost);
}

/** The two pods are the first ones of their namespace in each cluster, whatever its size. */
function subjectOf(size: ClusterSize, localPods: number): Subject {
  const compiler = new PolicyCompiler(new Cluster());
  fill(compiler, JSON.stringify(largeCluster(size)));
  const [server, client] = [
    compiler.cluster.pod('namespace-0', 'pod-0')!,
    compiler.cluster.pod('namespace-0', `pod-${size.namespaces}`)!,
  ];
  const local = [server, client].map(({ namespace, name }, i) => ({
    pod: { namespace, name, uid: null },
    ips: [ADDRESSES[i]!],
  }));
  compiler.setLocalPods([...local, ...localPodsOf(compiler.cluster, localPods).slice(2)]);
  const before = compiler.compile();
  const [other] = compiler.cluster.podsIn('namespace-1');
  compiler.putPod({ ...other!, ips: [...other!.ips, parseIpAddress('10.255.0.1')] });
  const costs = { ms: { load: [], change: [], compare: [] }, gbps: [], connectionsPerSecond: [] };
  return { cost: { policies: size.policies, ...costs }, before, table: compiler.compile() };
}

async function createEnds(lab: Lab): Promise<Ends> {
  const [node, server, client] = await Promise.all(
    ['node', 'server', 'client'].map((name) => lab.createNamespace(name)),
  );
  await node!.run('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
  for (const [i, pod] of [server!, client!].entries()) {
    await node!.ip('link', 'add', `v${i}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pod.name);
    await node!.ip('address', 'add', '169.254.1.1/32', 'dev', `v${i}`);
    await node!.ip('link', 'set', `v${i}`, 'up');
    await node!.ip('route', 'add', ADDRESSES[i]!, 'dev', `v${i}`);
    await pod.ip('link', 'set', 'eth0', 'up');
    await pod.ip('address', 'add', `${ADDRESSES[i]!}/32`, 'dev', 'eth0');
    await pod.ip('route', 'add', 'default', 'via', '169.254.1.1', 'dev', 'eth0', 'onlink');
  }
  return { node: node!, server: server!, client: client! };
}

async function measure(lab: Lab, { node, server, client }: Ends, { cost, before, table }: Subject): Promise<void> {
  const write = async (wanted: PolicyTable, installed: Parameters<typeof tableCommands>[0]['installed']) => {
    const commands = tableCommands({ wanted, installed, onlyAdd: false });
    if (commands !== null) await node.run('nft', ['-j', '-f', '-'], commands);
  };
  cost.ms.load.push(await timed(() => write(before, 'damaged')));
  cost.ms.change.push(await timed(() => write(table, asInstalled(before))));
  cost.ms.compare.push(
    await timed(async () => {
      const runner = { run: (program: string, args: readonly string[]) => node.run(program, args) };
      readInstalled(await runJson(runner, 'nft', ['-j', 'list', 'table', ...POLICY_TABLE]), table);
    }),
  );
  const iperf = lab.start(server, 'iperf3', 'iperf3', ['-s', '-p', String(PORT)]);
  await delay(SETTLE_MS);
  const args = ['-J', '-c', ADDRESSES[0], '-p', String(PORT), '-t', String(SECONDS)];
  cost.gbps.push(parseTcpOutput(await lab.capture(client, 'iperf3', args, MARGIN_MS)).gbps);
  await iperf.stop();
  const accepting = lab.start(server, 'connect', process.execPath, [CONNECT, 'serve', String(PORT)]);
  await delay(SETTLE_MS);
  const ask = [CONNECT, 'ask', ADDRESSES[0], String(PORT), String(SECONDS)];
  cost.connectionsPerSecond.push(Number(await lab.capture(client, process.execPath, ask, MARGIN_MS)));
  await accepting.stop();
}

/** Medians, and of the last cluster those of the ratios to the one before, round by round. */
export function kernelRows(costs: readonly KernelCost[]): Record<string, string> {
  const of = (values: readonly number[], decimals: number) => median(values)?.toFixed(decimals) ?? '-';
  const rows = costs.flatMap(({ policies, ms, gbps, connectionsPerSecond }): [string, string][] => [
    [
      `${policies} policies: write / change / compare, ms`,
      `${of(ms.load, 0)} / ${of(ms.change, 0)} / ${of(ms.compare, 0)}`,
    ],
    [`${policies} policies: Gbit/s / connections a second`, `${of(gbps, 1)} / ${of(connectionsPerSecond, 0)}`],
  ]);
  const [few, many] = costs.slice(-2);
  const ratio = (values: (cost: KernelCost) => readonly number[]) =>
    of(
      values(many!).map((value, round) => value / values(few!)[round]!),
      3,
    );
  const name = `ratio ${many!.policies} to ${few!.policies} policies: throughput / connections`;
  return Object.fromEntries([
    ...rows,
    [name, `${ratio(({ gbps }) => gbps)} / ${ratio((cost) => cost.connectionsPerSecond)}`],
  ]);
}

async function timed(run: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await run();
  return performance.now() - startedMs;
}
