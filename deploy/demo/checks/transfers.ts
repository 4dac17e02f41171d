/** Check of large TCP transfers, one per pair of nodes up to a number: they arrive unchanged. The address families alternate. */
import { messageOf } from '../../../common/errors.js';
import type { Cluster, Pod } from '../cluster/cluster.js';
import type { DemoNode } from '../cluster/demo-node.js';
import type { PodTraffic } from '../traffic/pod-traffic.js';
import { report } from './check-report.js';
import type { CheckReport } from './check-report.js';
import { spread } from './spread.js';

export interface TransferFigures {
  readonly from: string;
  readonly to: string;
  readonly address: string;
  readonly megabytes: number;
  readonly seconds: number;
  readonly megabitsPerSecond: number;
  readonly intact: boolean;
}

export interface TransfersReport extends CheckReport {
  readonly transfers: readonly TransferFigures[];
  readonly totalBytes: number;
}

const BYTES = 64 << 20;
/** Of a large cluster, so many pairs of nodes. */
const MAX_TRANSFERS = 30;

export async function checkTransfers(cluster: Cluster, traffic: PodTraffic): Promise<TransfersReport> {
  const transfers: TransferFigures[] = [];
  const problems: string[] = [];
  for (const [index, [from, to]] of spread(podPairs(cluster), MAX_TRANSFERS).entries()) {
    const address = to.ips[index % to.ips.length]!;
    try {
      const done = await transferOnce(traffic, from, to, address);
      transfers.push(done);
      if (!done.intact)
        problems.push(`${from.name} to ${to.name}: the bytes that arrived differ from those that were sent`);
    } catch (thrown) {
      problems.push(`${from.name} to ${to.name}: ${messageOf(thrown)}`);
    }
  }
  const totalBytes = transfers.reduce((sum, { megabytes }) => sum + megabytes * (1 << 20), 0);
  return report(problems, { transfers, totalBytes });
}

async function transferOnce(traffic: PodTraffic, from: Pod, to: Pod, address: string): Promise<TransferFigures> {
  const route = { from: from.namespace, to: to.namespace, address };
  const { bytes, seconds, intact } = await traffic.transfer({ ...route, bytes: BYTES, bytesPerSecond: 0 });
  const megabitsPerSecond = Math.round((bytes * 8) / 1e6 / Math.max(seconds, 0.001));
  return { from: from.name, to: to.name, address, megabytes: bytes / (1 << 20), seconds, megabitsPerSecond, intact };
}

/** One pod of each node, for every pair of nodes with pods. */
export function podPairs(cluster: Cluster): [Pod, Pod][] {
  const first = (node: DemoNode): Pod[] => cluster.pods.filter((pod) => pod.node === node).slice(0, 1);
  const pods = cluster.nodes.flatMap(first);
  return pods.flatMap((from, i) => pods.slice(i + 1).map((to): [Pod, Pod] => [from, to]));
}
