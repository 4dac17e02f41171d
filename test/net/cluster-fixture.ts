/** Cluster of a test file: made before its tests, removed after them, with a check that nothing is left. */
import { afterAll, beforeAll, expect } from '@jest/globals';
import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { hostCommands } from '../../common/host/command.js';
import { Cluster } from '../../deploy/demo/cluster/cluster.js';
import type { ClusterOptions } from '../../deploy/demo/cluster/cluster.js';
import { pingAll, reportPings } from '../../deploy/demo/checks/index.js';
import type { DemoNode, Role } from '../../deploy/demo/cluster/demo-node.js';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';

export const DIST_DIR = resolve('dist');

const OPEN_TIMEOUT_MS = 60_000;
const CLOSE_TIMEOUT_MS = 20_000;

/** The cluster of one test file. `get` only inside tests. */
export function useCluster(options: Omit<ClusterOptions, 'distDir'>): { get: () => Cluster } {
  const cluster = new Cluster({ ...options, distDir: DIST_DIR });
  beforeAll(async () => {
    try {
      await cluster.open();
    } catch (thrown) {
      process.stderr.write(cluster.nodes.map((node) => `--- ${node.name}\n${node.logTail()}\n`).join(''));
      throw thrown;
    }
  }, OPEN_TIMEOUT_MS);
  afterAll(async () => {
    expect(await cluster.close()).toEqual([]);
  }, CLOSE_TIMEOUT_MS);
  return { get: () => cluster };
}

/** Checks that every pod reaches every pod and gateway. */
export async function expectAllReachable(cluster: Cluster): Promise<void> {
  expect(reportPings(await pingAll(cluster)).problems).toEqual([]);
}

/** The process of a part of `meshd`: agent or router. */
export function onlyProcess(node: DemoNode, role: Role): number {
  const pids = node.processes(role);
  expect(pids).toHaveLength(1);
  return pids[0]!;
}

/** Waits until a part of `meshd` runs again as another process, and the node is ready. */
export function restarted(node: DemoNode, role: 'agent' | 'router', before: number): Promise<number> {
  return waitUntil(`another ${role} on ${node.name}`, 20_000, async () => {
    const [pid] = node.processes(role);
    const status = await node.api.status();
    return pid !== undefined && pid !== before && status.ready && status.router.connected && pid;
  });
}

/** A field of `/proc/PID/status` for every thread of the process. */
export function statusOfThreads(pid: number, field: string): string[] {
  return readdirSync(`/proc/${pid}/task`).map((tid) => {
    const text = readFileSync(`/proc/${pid}/task/${tid}/status`, 'utf8');
    return new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(text)?.[1] ?? '';
  });
}

/** Output of `meshctl` on a node. Rejects when it exits with another code than 0. */
export function meshctl(node: DemoNode, ...args: string[]): Promise<string> {
  return hostCommands.run(process.execPath, [join(DIST_DIR, 'meshctl.js'), '--socket', node.apiSocket, ...args]);
}

/** Names of interfaces and nft tables in the node's namespace, which a restart must not multiply. */
export async function hostObjects(node: DemoNode): Promise<{ links: string[]; tables: string }> {
  const links = JSON.parse(await node.namespace.ip('-json', 'link')) as { readonly ifname: string }[];
  const tables = await node.namespace.run('nft', ['list', 'tables']);
  return { links: links.map(({ ifname }) => ifname).sort(), tables };
}

/** The agent compares its pods at once after every repair of the host. */
export async function compareAgain(node: DemoNode): Promise<void> {
  await node.namespace.run('nft', ['delete', 'table', 'inet', 'heddle']);
  await waitUntil('the repair of the host', 20_000, async () =>
    (await node.namespace.run('nft', ['list', 'tables'])).includes('inet heddle'),
  );
  await new Promise((done) => setTimeout(done, 1000));
}
