/** List of a node's pods with their addresses. */
import type { TopologyNode } from '../../../common/api.js';
import { formatCount } from '../format.js';

/** Bound on drawn pods. A Kubernetes node runs 110 by default. */
const MAX_SHOWN = 300;

export function PodList({ node }: { node: TopologyNode }) {
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
