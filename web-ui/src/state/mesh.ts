/**
 * Model of the mesh: the last topology, with links in one direction and lookup by id. Pure.
 */
import type { Topology, TopologyLink, TopologyNode } from '../../../common/api.js';

export interface Mesh {
  /** ISO time of the snapshot. */
  readonly at: string;
  /** By name, `node-2` before `node-10`. */
  readonly nodes: readonly TopologyNode[];
  /** Each with `a` < `b`, at most one per pair. */
  readonly links: readonly TopologyLink[];
  readonly nodeById: ReadonlyMap<string, TopologyNode>;
  readonly linkByKey: ReadonlyMap<string, TopologyLink>;
  /** Nodes that reported their links lately, of those with a link to this node; null of an agent that does not count. */
  readonly reports: { readonly received: number; readonly expected: number } | null;
}

/** Reports come every 2 s while the page is open; older pods are marked with their age. */
const OLD_PODS_MS = 15_000;

const byName = new Intl.Collator('en', { numeric: true });

export function linkKey(a: string, b: string): string {
  return a < b ? `${a}~${b}` : `${b}~${a}`;
}

/** Of two reports of one link, the first is kept; the agent's own comes first. */
export function meshOf(topology: Topology): Mesh {
  const nodes = [...topology.nodes].sort((a, b) => byName.compare(a.name, b.name) || (a.id < b.id ? -1 : 1));
  const nodeById = new Map(nodes.map((node) => [node.id, node]));
  const linkByKey = new Map<string, TopologyLink>();
  for (const link of topology.links) {
    const key = linkKey(link.a, link.b);
    if (!nodeById.has(link.a) || !nodeById.has(link.b) || linkByKey.has(key)) continue;
    linkByKey.set(key, link.a < link.b ? link : reversed(link));
  }
  return {
    at: topology.at,
    nodes,
    links: [...linkByKey.values()],
    nodeById,
    linkByKey,
    reports: topology.reports ?? null,
  };
}

function reversed(link: TopologyLink): TopologyLink {
  const { a, b, abBitsPerSecond, baBitsPerSecond } = link;
  return { ...link, a: b, b: a, abBitsPerSecond: baBitsPerSecond, baBitsPerSecond: abBitsPerSecond };
}

/** When the node reported its pods, if that is long ago: it is down, or does not answer. Null for fresh pods. */
export function oldPodsSince(mesh: Mesh, node: TopologyNode): string | null {
  const { podsReportedAt = null } = node;
  if (podsReportedAt === null || Date.parse(mesh.at) - Date.parse(podsReportedAt) < OLD_PODS_MS) return null;
  return podsReportedAt;
}

export interface Rates {
  readonly outBitsPerSecond: number;
  readonly inBitsPerSecond: number;
}

/** Rates of a link from the point of view of its end `id`. */
export function ratesSeenBy(link: TopologyLink, id: string): Rates {
  const fromA = link.a === id;
  return {
    outBitsPerSecond: fromA ? link.abBitsPerSecond : link.baBitsPerSecond,
    inBitsPerSecond: fromA ? link.baBitsPerSecond : link.abBitsPerSecond,
  };
}

export function selfOf(mesh: Mesh): TopologyNode | undefined {
  return mesh.nodes.find((node) => node.self);
}

export function linksOf(mesh: Mesh, nodeId: string): readonly TopologyLink[] {
  return mesh.links.filter((link) => link.a === nodeId || link.b === nodeId);
}

export function otherEnd(link: TopologyLink, nodeId: string): string {
  return link.a === nodeId ? link.b : link.a;
}

export type LinkTally = Readonly<Record<TopologyLink['state'], number>>;

export function tallyLinks(mesh: Mesh): LinkTally {
  const tally = { up: 0, connecting: 0, stale: 0, down: 0, idle: 0 };
  for (const link of mesh.links) tally[link.state] += 1;
  return tally;
}
