/** Views of `meshctl nodes`, `pods`, `links` and `who`: the whole cluster as one node knows it. */
import type { TopologyNode } from '../../common/api.js';
import { formatAge, formatBitRate, formatRoundTrip, formatShare, UNKNOWN } from '../output/figures.js';
import { tableView } from '../output/output.js';
import type { Tone } from '../output/paint.js';
import type { Column } from '../output/table.js';
import type { LinkRow, NodeRow, PodRow, WhoRow } from './cluster-rows.js';

/** Also of a link: its states are a subset. */
const STATE_TONES: Readonly<Record<TopologyNode['state'], Tone>> = {
  self: 'plain',
  up: 'good',
  connecting: 'warning',
  stale: 'warning',
  down: 'bad',
  idle: 'plain',
};

const stateColumn = {
  title: 'STATE',
  text: (row: { state: TopologyNode['state'] }) => row.state,
  tone: (row: { state: TopologyNode['state'] }) => STATE_TONES[row.state] ?? 'plain',
};

export const nodesView = tableView<NodeRow>(
  (nowMs): readonly Column<NodeRow>[] => [
    { title: 'NAME', text: (node) => node.name },
    stateColumn,
    { title: 'RTT', text: (node) => formatRoundTrip(node.rttMs) },
    { title: 'LOSS', text: (node) => (node.lossRatio === null ? UNKNOWN : formatShare(node.lossRatio)) },
    { title: 'PODS', text: (node) => String(node.podCount ?? UNKNOWN) },
    { title: 'REPORTED', text: (node) => formatAge(node.podsReportedAt ?? null, nowMs) },
    { title: 'ENDPOINT', text: (node) => node.endpoint ?? UNKNOWN },
    { title: 'POD CIDRS', text: (node) => node.podCidrs.join(',') },
    { title: 'ID', text: (node) => node.id, wide: true },
    { title: 'VERSION', text: (node) => node.version, wide: true },
  ],
  'No node in this state.',
);

export const podsView = tableView<PodRow>(podColumns, 'No pods: none is known on any node.');

export const whoView = tableView<WhoRow>(
  (nowMs) => [{ title: 'KIND', text: (row) => row.kind }, ...podColumns(nowMs)],
  'Unknown: no pod, node or pod CIDR of this cluster has this address.',
);

function podColumns(nowMs: number): readonly Column<PodRow>[] {
  return [
    { title: 'NAME', text: (pod) => pod.name },
    { title: 'IPS', text: (pod) => pod.ips.join(',') || UNKNOWN },
    { title: 'NODE', text: (pod) => pod.node },
    stateColumn,
    { title: 'REPORTED', text: (pod) => formatAge(pod.reportedAt, nowMs) },
  ];
}

export const linksView = tableView<LinkRow>(
  (): readonly Column<LinkRow>[] => [
    { title: 'FROM', text: (link) => link.a },
    { title: 'TO', text: (link) => link.b },
    stateColumn,
    { title: 'RTT', text: (link) => formatRoundTrip(link.rttMs) },
    { title: 'LOSS', text: (link) => formatShare(link.lossRatio) },
    { title: 'MTU', text: (link) => String(link.mtuBytes ?? UNKNOWN) },
    { title: 'OUT', text: (link) => formatBitRate(link.abBitsPerSecond) },
    { title: 'IN', text: (link) => formatBitRate(link.baBitsPerSecond) },
    { title: 'CIPHER', text: (link) => link.cipher ?? UNKNOWN, wide: true },
  ],
  'No links.',
);
