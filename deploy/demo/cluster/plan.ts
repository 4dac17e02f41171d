/**
 * Plan of a demo cluster: names and addresses, computed from its size. Pure. The addresses are used inside the network
 * namespaces only: underlay 192.168.99.0/24 and fd99::/64, pods 10.32.0.0/16 and fd00:32::/48, and documentation addresses
 * (RFC 5737, RFC 3849) for a host outside the cluster.
 */

export type Families = 'dual' | 'ipv4' | 'ipv6';

export interface NodePlan {
  readonly name: string;
  /** 1-based; the last part of every address of the node. */
  readonly index: number;
  readonly underlayV4: string;
  readonly underlayV6: string;
  readonly podCidrs: readonly string[];
}

export interface PodPlan {
  readonly name: string;
  /** 1-based index of the node it runs on. */
  readonly nodeIndex: number;
}

export interface ClusterPlan {
  readonly families: Families;
  readonly clusterCidrs: readonly string[];
  readonly nodes: readonly NodePlan[];
  readonly pods: readonly PodPlan[];
}

export const MAX_NODES = 64;
export const MAX_PODS_PER_NODE = 16;

/** UDP port of every node, and the only one that may be seen on the underlay. */
export const UNDERLAY_PORT = 6785;
export const UNDERLAY_PREFIX_V4 = 24;
export const UNDERLAY_PREFIX_V6 = 64;

/** Gateway of the underlay, with the addresses of a service outside the cluster. */
export const OUTSIDE = {
  underlayV4: '192.168.99.250',
  underlayV6: 'fd99::fa',
  serviceV4: '198.51.100.1',
  serviceV6: '2001:db8:ffff::1',
} as const;

export function planCluster(nodeCount: number, podsPerNode: number, families: Families = 'dual'): ClusterPlan {
  const nodes = Array.from({ length: nodeCount }, (_, i) => planNode(i + 1, families));
  const pods = Array.from({ length: nodeCount * podsPerNode }, (_, i) => ({
    name: podName(i),
    nodeIndex: Math.floor(i / podsPerNode) + 1,
  }));
  return { families, clusterCidrs: ofFamilies(families, '10.32.0.0/16', 'fd00:32::/48'), nodes, pods };
}

export function planNode(index: number, families: Families): NodePlan {
  return {
    name: `n${index}`,
    index,
    underlayV4: `192.168.99.${index}`,
    underlayV6: `fd99::${index.toString(16)}`,
    podCidrs: ofFamilies(families, `10.32.${index}.0/24`, `fd00:32:0:${index.toString(16)}::/64`),
  };
}

/** Underlay address that links use: IPv4 unless the cluster has none. */
export function linkAddress(node: NodePlan, families: Families): string {
  return families === 'ipv6' ? node.underlayV6 : node.underlayV4;
}

/** `pod-a` ... `pod-z`, `pod-aa`, `pod-ab`, ... */
export function podName(index: number): string {
  const letters = (i: number): string =>
    i < 0 ? '' : letters(Math.floor(i / 26) - 1) + String.fromCharCode(97 + (i % 26));
  return `pod-${letters(index)}`;
}

export function ofFamilies<T>(families: Families, v4: T, v6: T): T[] {
  return [...(families === 'ipv6' ? [] : [v4]), ...(families === 'ipv4' ? [] : [v6])];
}
