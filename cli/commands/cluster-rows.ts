/** Rows about the whole cluster from the topology of one node: nodes, pods, links, and what an address belongs to. */
import { BlockList, isIP } from 'node:net';
import type { Topology, TopologyLink, TopologyNode } from '../../common/api.js';

/** A node, with the link from the node that answers. */
export type NodeRow = TopologyNode & {
  readonly rttMs: number | null;
  readonly lossRatio: number | null;
};

export interface PodRow {
  readonly name: string;
  readonly ips: readonly string[];
  readonly node: string;
  /** Of the node. */
  readonly state: TopologyNode['state'];
  readonly reportedAt: string | null;
}

export interface LinkRow extends Omit<TopologyLink, 'a' | 'b'> {
  /** `n1 n2`, the order of {@link a} and {@link b}. */
  readonly name: string;
  readonly a: string;
  readonly b: string;
}

/** What has an address: a pod, a node's underlay, or the pod CIDR that it is in. */
export interface WhoRow extends PodRow {
  readonly kind: 'pod' | 'node' | 'podCidr';
}

export function nodeRows({ nodes, links }: Topology): NodeRow[] {
  const self = nodes.find((node) => node.self);
  return nodes.map((node) => {
    const link = links.find(({ a, b }) => (a === self?.id && b === node.id) || (b === self?.id && a === node.id));
    return { ...node, rttMs: link?.rttMs ?? null, lossRatio: link?.lossRatio ?? null };
  });
}

export function podRows({ nodes }: Topology): PodRow[] {
  return nodes.flatMap((node) => node.pods.map(({ name, ips }) => ({ name, ips, ...placeOf(node) })));
}

export function linkRows({ nodes, links }: Topology): LinkRow[] {
  const names = new Map(nodes.map(({ id, name }) => [id, name]));
  return links.map((link) => {
    const [a, b] = [names.get(link.a) ?? link.a, names.get(link.b) ?? link.b];
    return { ...link, name: `${a} ${b}`, a, b };
  });
}

/** Exact matches; without one, the pod CIDRs that hold the address. @param address an IP address */
export function whoRows(topology: Topology, address: string): WhoRow[] {
  const pods = podRows(topology).filter(({ ips }) => ips.some((ip) => isSame(ip, address)));
  const nodes = topology.nodes.filter(({ endpoint }) => endpoint !== null && isSame(hostOf(endpoint), address));
  const exact = [
    ...pods.map((pod): WhoRow => ({ kind: 'pod', ...pod })),
    ...nodes.map((node): WhoRow => ({ kind: 'node', name: node.name, ips: [address], ...placeOf(node) })),
  ];
  if (exact.length > 0) return exact;
  return topology.nodes.flatMap((node) =>
    node.podCidrs
      .filter((cidr) => contains(cidr, address))
      .map((cidr): WhoRow => ({ kind: 'podCidr', name: cidr, ips: [], ...placeOf(node) })),
  );
}

function placeOf(node: TopologyNode): Pick<PodRow, 'node' | 'state' | 'reportedAt'> {
  return { node: node.name, state: node.state, reportedAt: node.podsReportedAt ?? null };
}

/** `192.0.2.1:6785` and `[2001:db8::1]:6785` without port and brackets. */
function hostOf(endpoint: string): string {
  return endpoint.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}

/** Two spellings of one address are the same. */
function isSame(one: string, other: string): boolean {
  return contains(`${one}/${isIP(one) === 6 ? 128 : 32}`, other);
}

function contains(cidr: string, address: string): boolean {
  const [network = '', prefix = ''] = cidr.split('/');
  const family = (ip: string): 'ipv4' | 'ipv6' => (isIP(ip) === 6 ? 'ipv6' : 'ipv4');
  if (isIP(network) === 0 || isIP(network) !== isIP(address)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), family(network));
  return list.check(address, family(address));
}
