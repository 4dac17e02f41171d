/** Hostile member beside a cluster of honest nodes, and what must hold for these whatever it says. */
import { expect } from '@jest/globals';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Cluster } from '../../deploy/demo/cluster/cluster.js';
import { OUTSIDE } from '../../deploy/demo/cluster/plan.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { expectAllReachable, meshctl, onlyProcess } from './cluster-fixture.js';

/** Growth allowed for the JIT and the heap, and for 512 invented members, of some 10 KB each. */
const MAX_GROWTH_KIB = 64 << 10;

export function residentKib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** Lines of the node's log with all of these words. */
export function logged(node: DemoNode, ...words: readonly string[]): string[] {
  const lines = readFileSync(node.logFile, 'utf8').split('\n');
  return lines.filter((line) => words.every((word) => line.includes(word)));
}

/** Starts a liar at the address outside the cluster, which has links to all nodes when this resolves. */
export async function startLiar(cluster: Cluster, lie: string, claims: readonly string[] = []) {
  const seeds = cluster.nodes.flatMap(({ plan }) => ['--seed', plan.underlayV4]);
  const claimed = claims.flatMap((cidr) => ['--claim', cidr]);
  const secret = ['--secret-file', cluster.nodes[0]!.settings.secretFile];
  const program = [
    '--no-deprecation',
    join(cluster.options.distDir, 'hostile-member.js'),
    '--lie',
    lie,
    '--address',
    OUTSIDE.underlayV4,
  ];
  const args = [...program, ...seeds, ...secret, ...claimed];
  const child = cluster.underlay.outside.spawn(process.execPath, args, ['pipe', 'pipe', 'inherit']);
  const ended = once(child, 'close');
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const expectLine = async (line: string): Promise<void> =>
    expect(await lines.next()).toEqual({ done: false, value: line });
  await expectLine('linked');
  return {
    /** Resolves when all is said. */
    tell: async (): Promise<void> => {
      child.stdin!.write('tell\n');
      await expectLine('told');
    },
    stop: async (): Promise<void> => {
      child.stdin!.end();
      await ended;
    },
  };
}

/** What may not change while a member lies. */
interface Witnessed {
  /** Links between honest nodes, with state and address. */
  readonly links: readonly string[];
  /** Such links that went down so far. On a busy machine one may be stale for a moment. */
  readonly downs: readonly string[];
  readonly routes: readonly string[];
  readonly processes: readonly number[];
  readonly residentKib: readonly number[];
}

export async function witness({ nodes }: Cluster): Promise<Witnessed> {
  const links = await Promise.all(nodes.map((node) => linksOf(node, nodes)));
  const tables = await Promise.all(nodes.map((node) => meshctl(node, 'routes')));
  const processes = nodes.flatMap((node) => [onlyProcess(node, 'agent'), onlyProcess(node, 'router')]);
  return {
    links: links.flat().sort(),
    downs: nodes.flatMap((node) => nodes.flatMap(({ name }) => logged(node, 'link is down', `"name":"${name}"`))),
    routes: tables.flatMap((table, i) => ownersIn(table).map((owner) => `${nodes[i]!.name} ${owner}`)).sort(),
    processes,
    residentKib: processes.map(residentKib),
  };
}

/** Honest links stay up, pod CIDRs with their nodes, processes small, and pods reach each other. */
export async function expectUnharmed(cluster: Cluster, before: Witnessed): Promise<void> {
  const now = await witness(cluster);
  expect(now.links).toEqual(before.links);
  expect(now.downs).toEqual(before.downs);
  expect(now.routes).toEqual(before.routes);
  expect(now.processes).toEqual(before.processes);
  for (const [i, kib] of now.residentKib.entries()) {
    expect(kib - before.residentKib[i]!).toBeLessThan(MAX_GROWTH_KIB);
  }
  await expectAllReachable(cluster);
}

async function linksOf(node: DemoNode, nodes: readonly DemoNode[]): Promise<string[]> {
  const names = nodes.map(({ name }) => name);
  const honest = (await node.api.peers()).filter(({ name }) => names.includes(name));
  return honest.map(({ name, state, endpoint }) => `${node.name} ${name} ${state} ${endpoint}`);
}

/** `CIDR owner` of the pod CIDRs of the cluster's nodes, without those of members that were invented. */
function ownersIn(table: string): string[] {
  const rows = table.split('\n').map((line) => line.trim().split(/\s+/));
  return rows
    .filter(([cidr, owner]) => cidr?.includes('/') === true && !owner!.startsWith('invented-'))
    .map(([cidr, owner]) => `${cidr!} ${owner!}`);
}

/** Programs outside may send from addresses that are not theirs. */
export async function allowForgedSources({ underlay }: Cluster): Promise<void> {
  await underlay.outside.run('sysctl', ['-q', '-w', 'net.ipv4.ip_nonlocal_bind=1']);
}
