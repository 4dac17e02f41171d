/** List of a node's pods with their addresses. */
import type { TopologyNode } from '../../../common/api.js';
import { formatAgo, formatCount } from '../format.js';
import { nowMs } from '../state/store.js';

/** Bound on drawn pods. A Kubernetes node runs 110 by default. */
const MAX_SHOWN = 300;

/** @param oldSince when an old report named the pods; null for a fresh one */
export function PodList({ node, oldSince }: { node: TopologyNode; oldSince: string | null }) {
  if (node.pods.length === 0) {
    return (
      <p class="quiet">
        {node.podCount === null
          ? 'Unknown: this node has not reported its pods.'
          : 'No pods: none is attached on this node.'}
      </p>
    );
  }
  const shown = node.pods.slice(0, MAX_SHOWN);
  const hidden = (node.podCount ?? node.pods.length) - shown.length;
  return (
    <ul class="pod-list">
      {oldSince === null ? null : <li class="is-old">As reported {formatAgo(oldSince, nowMs.value)}</li>}
      {shown.map((pod, index) => (
        <li key={`${pod.name} ${index}`}>
          <span class="pod-name">{pod.name}</span>
          <span class="pod-ips mono">{pod.ips.join('\n')}</span>
        </li>
      ))}
      {hidden > 0 ? <li class="quiet">and {formatCount(hidden)} more</li> : null}
    </ul>
  );
}
