/** The pods of one node with their addresses. */
import type { TopologyNode } from '../../../common/api.js';

/** A node seldom runs more than 110 pods; this bounds what is drawn of one that says it does. */
const MAX_SHOWN = 300;

export function PodList({ node }: { node: TopologyNode }) {
  if (node.pods.length === 0) {
    return (
      <p class="quiet">
        {node.self ? 'No pods yet: none has been attached on this node.' : 'No pods known on this node.'}
      </p>
    );
  }
  return (
    <ul class="pod-list">
      {node.pods.slice(0, MAX_SHOWN).map((pod, index) => (
        <li key={`${pod.name} ${index}`}>
          <span class="pod-name">{pod.name}</span>
          <span class="pod-ips mono">{pod.ips.join('\n')}</span>
        </li>
      ))}
      {node.pods.length > MAX_SHOWN ? <li class="quiet">and {node.pods.length - MAX_SHOWN} more</li> : null}
    </ul>
  );
}
