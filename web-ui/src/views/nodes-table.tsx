/** Table of all nodes, with the link from this node to each. */
import type { TopologyLink, TopologyNode } from '../../../common/api.js';
import { formatBitRate, formatCount, formatMs, formatRatio, UNKNOWN } from '../format.js';
import { linkKey, ratesSeenBy, selfOf } from '../state/mesh.js';
import type { Mesh } from '../state/mesh.js';
import { isSelectedNode } from '../state/selection.js';
import { selection, selectNode } from '../state/store.js';
import { SortableTable } from '../ui/sortable-table.js';
import type { Column } from '../ui/sortable-table.js';
import { StatePill } from '../ui/state-pill.js';

interface NodeRow {
  readonly node: TopologyNode;
  /** Link from this node; null for this node, and for a node without one. */
  readonly link: TopologyLink | null;
  readonly outBitsPerSecond: number | null;
  readonly inBitsPerSecond: number | null;
}

/** Rank of states: worst first in ascending order. */
const STATE_ORDER = ['down', 'stale', 'connecting', 'up', 'idle', 'self'] as const;

const rate = (bitsPerSecond: number | null): string =>
  bitsPerSecond === null ? UNKNOWN : formatBitRate(bitsPerSecond);

const COLUMNS: readonly Column<NodeRow>[] = [
  { id: 'name', title: 'Name', sortKey: ({ node }) => node.name, cell: ({ node }) => <strong>{node.name}</strong> },
  {
    id: 'state',
    title: 'State',
    sortKey: ({ node }) => STATE_ORDER.indexOf(node.state),
    cell: ({ node }) => <StatePill state={node.state} />,
  },
  {
    id: 'endpoint',
    title: 'Endpoint',
    kind: 'mono',
    sortKey: ({ node }) => node.endpoint,
    cell: ({ node }) => node.endpoint ?? UNKNOWN,
  },
  {
    id: 'cidrs',
    title: 'Pod CIDRs',
    kind: 'mono',
    sortKey: ({ node }) => node.podCidrs[0] ?? null,
    cell: ({ node }) => node.podCidrs.join(', ') || UNKNOWN,
  },
  {
    id: 'pods',
    title: 'Pods',
    kind: 'number',
    sortKey: ({ node }) => node.podCount,
    cell: ({ node }) => formatCount(node.podCount),
  },
  {
    id: 'rtt',
    title: 'RTT',
    kind: 'number',
    sortKey: ({ link }) => link?.rttMs ?? null,
    cell: ({ link }) => formatMs(link?.rttMs ?? null),
  },
  {
    id: 'loss',
    title: 'Loss',
    kind: 'number',
    sortKey: ({ link }) => link?.lossRatio ?? null,
    cell: ({ link }) => (link === null ? UNKNOWN : formatRatio(link.lossRatio)),
  },
  {
    id: 'mtu',
    title: 'MTU',
    kind: 'number',
    sortKey: ({ link }) => link?.mtuBytes ?? null,
    cell: ({ link }) => link?.mtuBytes ?? UNKNOWN,
  },
  {
    id: 'out',
    title: 'Out',
    kind: 'number',
    sortKey: (row) => row.outBitsPerSecond,
    cell: (row) => rate(row.outBitsPerSecond),
  },
  {
    id: 'in',
    title: 'In',
    kind: 'number',
    sortKey: (row) => row.inBitsPerSecond,
    cell: (row) => rate(row.inBitsPerSecond),
  },
  { id: 'version', title: 'Version', sortKey: ({ node }) => node.version, cell: ({ node }) => node.version },
];

export function NodesTable({ mesh, nodes }: { mesh: Mesh; nodes: readonly TopologyNode[] }) {
  return (
    <SortableTable
      caption="Nodes"
      columns={COLUMNS}
      rows={nodes.map((node) => rowOf(mesh, node))}
      rowKey={({ node }) => node.id}
      isSelected={({ node }) => isSelectedNode(selection.value, node.id)}
      onChoose={({ node }) => selectNode(node.id)}
      empty="No node matches the search."
    />
  );
}

function rowOf(mesh: Mesh, node: TopologyNode): NodeRow {
  const self = selfOf(mesh);
  const link = self === undefined ? undefined : mesh.linkByKey.get(linkKey(self.id, node.id));
  if (self === undefined || link === undefined)
    return { node, link: null, outBitsPerSecond: null, inBitsPerSecond: null };
  return { node, link, ...ratesSeenBy(link, self.id) };
}
