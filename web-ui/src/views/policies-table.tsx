/** Table of the pods of this node with what network policies let them do, and what was denied lately. */
import type { DroppedTraffic, PodDirection, PodPolicies } from '../../../common/api.js';
import { formatAgo, plural } from '../format.js';
import { isolationOf } from '../state/isolation.js';
import { selfOf } from '../state/mesh.js';
import { mesh, nowMs, query, selectNode } from '../state/store.js';
import { SortableTable } from '../ui/sortable-table.js';
import type { Column } from '../ui/sortable-table.js';

/** Denied flows of a pod that are shown; `meshctl policy POD` shows more. */
const MAX_DENIED = 3;

/** Pods that match the search, or all. */
export function policyRows(policies: readonly PodPolicies[]): readonly PodPolicies[] {
  const wanted = query.value.trim().toLowerCase();
  return policies.filter(
    ({ pod, ips, ingress, egress }) =>
      wanted === '' ||
      [pod, ...ips, ...ingress.policies, ...egress.policies].some((text) => text.toLowerCase().includes(wanted)),
  );
}

const COLUMNS: readonly Column<PodPolicies>[] = [
  { id: 'pod', title: 'Pod', sortKey: (row) => row.pod, cell: (row) => <strong>{row.pod}</strong> },
  directionColumn('ingress', 'May be reached by'),
  directionColumn('egress', 'May reach'),
  {
    id: 'denied',
    title: 'Denied lately',
    sortKey: (row) => row.denied[0]?.last ?? null,
    cell: ({ pod, denied }) => (denied.length === 0 ? <span class="quiet">nothing</span> : deniedList(pod, denied)),
  },
];

function directionColumn(direction: 'ingress' | 'egress', title: string): Column<PodPolicies> {
  return {
    id: direction,
    title,
    sortKey: (row) => isolationOf(row[direction], row.known).state,
    cell: (row) => <Direction direction={row[direction]} known={row.known} />,
  };
}

function Direction({ direction, known }: { direction: PodDirection; known: boolean }) {
  const { state, lines } = isolationOf(direction, known);
  if (state === 'open') return <span class="quiet">everyone: no policy isolates it</span>;
  return (
    <ul class={`policy-lines is-${state}`}>
      {lines.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  );
}

function deniedList(pod: string, denied: readonly DroppedTraffic[]) {
  const hidden = denied.length - MAX_DENIED;
  return (
    <ul class="policy-lines">
      {denied.slice(0, MAX_DENIED).map((flow) => (
        <li key={JSON.stringify(flow)} title={flow.reason}>
          {flowInWords(pod, flow)} <span class="quiet">{formatAgo(flow.last, nowMs.value)}</span>
        </li>
      ))}
      {hidden > 0 ? <li class="quiet">and {plural(hidden, 'flow')} more</li> : null}
    </ul>
  );
}

function flowInWords(pod: string, { source, destination, protocol, port }: DroppedTraffic): string {
  const isOutgoing = source.pod === pod;
  const other = isOutgoing ? destination : source;
  return `${isOutgoing ? 'to' : 'from'} ${other.pod ?? other.ip}, ${port === null ? protocol : `${protocol} ${port}`}`;
}

export function PoliciesTable({ rows }: { rows: readonly PodPolicies[] }) {
  const self = mesh.value === null ? undefined : selfOf(mesh.value);
  return (
    <SortableTable
      caption="Network policies"
      columns={COLUMNS}
      rows={rows}
      rowKey={(row) => row.pod}
      isSelected={() => false}
      onChoose={() => self !== undefined && selectNode(self.id)}
      empty={query.value.trim() === '' ? 'No pods: none is attached on this node.' : 'No pod matches the search.'}
    />
  );
}
