/** Check of reachability by ping in each address family: pod to pod, pod to its gateway, node to every pod. */
import { gatewayOf, parseCidr } from '../../../common/address/cidr.js';
import { mapBounded } from '../async/map-bounded.js';
import type { Cluster, Pod } from '../cluster/cluster.js';
import type { NetworkNamespace } from '../machine/network-namespace.js';
import { ping } from '../traffic/ping.js';
import { report } from './check-report.js';
import type { CheckReport } from './check-report.js';
import { spread } from './spread.js';

export type PingKind = 'same-node' | 'across' | 'gateway' | 'node-to-pod';

interface Trial {
  readonly kind: PingKind;
  readonly from: string;
  readonly namespace: NetworkNamespace;
  readonly to: string;
  readonly address: string;
}

export interface PingResult {
  readonly kind: PingKind;
  readonly from: string;
  readonly to: string;
  readonly address: string;
  readonly rttMs: number | null;
}

export interface PingReport extends CheckReport {
  readonly total: number;
  readonly failed: number;
  /** Median round trip by kind. */
  readonly medianRttMs: Readonly<Partial<Record<PingKind, number>>>;
}

const AT_ONCE = 12;
/** Of a large cluster, so many pairs: all of 50 nodes with two pods each would be 30,000. */
const MAX_PINGS = 1000;

/** Between all, or as many pairs as {@link MAX_PINGS}. */
export async function pingAll(cluster: Cluster): Promise<PingResult[]> {
  return mapBounded(spread(trials(cluster), MAX_PINGS), AT_ONCE, async (trial) => {
    const { rttMs } = await ping(trial.namespace, trial.address);
    return { kind: trial.kind, from: trial.from, to: trial.to, address: trial.address, rttMs };
  });
}

export function reportPings(results: readonly PingResult[]): PingReport {
  const failed = results.filter((result) => result.rttMs === null);
  const problems = failed.map(({ from, to, address }) => `${from} does not reach ${to} at ${address}`);
  const medianRttMs: Partial<Record<PingKind, number>> = {};
  for (const kind of ['same-node', 'across', 'gateway', 'node-to-pod'] as const) {
    const median = medianOf(results.filter((result) => result.kind === kind).flatMap(({ rttMs }) => rttMs ?? []));
    if (median !== null) medianRttMs[kind] = median;
  }
  return report(problems, { total: results.length, failed: failed.length, medianRttMs });
}

function trials(cluster: Cluster): Trial[] {
  return cluster.pods.flatMap((pod) => [
    ...podTrials(cluster, pod),
    ...gatewayTrials(pod),
    ...nodeTrials(cluster, pod),
  ]);
}

function podTrials(cluster: Cluster, pod: Pod): Trial[] {
  const others = cluster.pods.filter((other) => other !== pod);
  return others.flatMap((other) =>
    other.ips.map((address) => {
      const kind = other.node === pod.node ? 'same-node' : 'across';
      return { kind, from: pod.name, namespace: pod.namespace, to: other.name, address } as const;
    }),
  );
}

function gatewayTrials(pod: Pod): Trial[] {
  return pod.node.plan.podCidrs.map((cidr) => {
    const address = gatewayOf(parseCidr(cidr));
    return { kind: 'gateway', from: pod.name, namespace: pod.namespace, to: pod.node.name, address };
  });
}

/** Every node to this pod, its own and the remote ones. */
function nodeTrials(cluster: Cluster, pod: Pod): Trial[] {
  return cluster.nodes.flatMap((node) =>
    pod.ips.map(
      (address) =>
        ({ kind: 'node-to-pod', from: node.name, namespace: node.namespace, to: pod.name, address }) as const,
    ),
  );
}

/** The upper one of the two in the middle when their number is even; null of none. */
export function medianOf(values: readonly number[]): number | null {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? null;
}
