/** The pods of one node with their addresses. */
import type { TopologyNode } from '../../../common/api.js';
import { formatCount } from '../format.js';

/** A node seldom runs more than 110 pods; this bounds what is drawn of one that says it does. */
const MAX_SHOWN = 300;

export function PodList({ node }: { node: TopologyNode }) {
  if (node.pods.length === 0) {
    return (
      <p class="quiet">
        {node.podCount === null
          ? 'Not known: this node has not told its pods lately.'
          : 'No pods yet: none has been attached on this node.'}
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
