/** Table of all known pods. */
import type { TopologyNode } from '../../../common/api.js';
import { formatAgo } from '../format.js';
import { oldPodsSince } from '../state/mesh.js';
import type { Mesh } from '../state/mesh.js';
import { isSelectedNode } from '../state/selection.js';
import { nowMs, query, selection, selectNode } from '../state/store.js';
import { SortableTable } from '../ui/sortable-table.js';
import type { Column } from '../ui/sortable-table.js';
import { StateIcon } from '../ui/icons.js';

export interface PodRow {
  readonly key: string;
  readonly name: string;
  readonly ips: readonly string[];
  readonly node: TopologyNode;
  /** When an old report named it; null for a fresh one. */
  readonly oldSince: string | null;
}

/** Pods that match the search, or all. Of a node that matches by its own name, all pods. */
export function podRows(mesh: Mesh): readonly PodRow[] {
  const wanted = query.value.trim().toLowerCase();
  const matches = (...texts: readonly string[]): boolean => texts.some((text) => text.toLowerCase().includes(wanted));
  return mesh.nodes.flatMap((node) =>
    node.pods
      .map((pod, index) => ({
        key: `${node.id} ${index}`,
        name: pod.name,
        ips: pod.ips,
        node,
        oldSince: oldPodsSince(mesh, node),
      }))
      .filter((pod) => wanted === '' || matches(node.name, pod.name, ...pod.ips)),
  );
}

const COLUMNS: readonly Column<PodRow>[] = [
  { id: 'name', title: 'Pod', sortKey: (pod) => pod.name, cell: (pod) => <strong>{pod.name}</strong> },
  {
    id: 'ips',
    title: 'Addresses',
    kind: 'mono',
    sortKey: (pod) => pod.ips[0] ?? null,
    cell: (pod) => pod.ips.join(', '),
  },
  {
    id: 'node',
    title: 'Node',
    sortKey: (pod) => pod.node.name,
    cell: (pod) => (
      <span class="with-icon">
        <StateIcon state={pod.node.state} />
        {pod.node.name}
      </span>
    ),
  },
  {
    id: 'reported',
    title: 'Reported',
    sortKey: (pod) => pod.oldSince,
    cell: (pod) => (pod.oldSince === null ? 'now' : <span class="is-old">{formatAgo(pod.oldSince, nowMs.value)}</span>),
  },
];

export function PodsTable({ rows }: { rows: readonly PodRow[] }) {
  return (
    <SortableTable
      caption="Pods"
      columns={COLUMNS}
      rows={rows}
      rowKey={(pod) => pod.key}
      isSelected={(pod) => isSelectedNode(selection.value, pod.node.id)}
      onChoose={(pod) => selectNode(pod.node.id)}
      empty={
        query.value.trim() === ''
          ? 'No pods: a pod appears here when a node attaches it.'
          : 'No pod matches the search.'
      }
    />
  );
}
