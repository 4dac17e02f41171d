/** Search for nodes and pods by any part of name, id or address. Pure. */
import type { TopologyNode } from '../../../common/api.js';
import type { Mesh } from './mesh.js';

export interface Found {
  readonly node: TopologyNode;
  /** The matching text, when it is not the node's name. */
  readonly matched: string | null;
}

/** Nodes that match, in the order of the mesh. An empty query matches none. */
export function search(mesh: Mesh, query: string): readonly Found[] {
  const wanted = query.trim().toLowerCase();
  if (wanted === '') return [];
  return mesh.nodes.flatMap((node): Found[] => {
    if (includes(node.name, wanted)) return [{ node, matched: null }];
    const matched = textsOf(node).find((text) => includes(text, wanted));
    return matched === undefined ? [] : [{ node, matched }];
  });
}

function includes(text: string, wanted: string): boolean {
  return text.toLowerCase().includes(wanted);
}

function textsOf(node: TopologyNode): readonly string[] {
  const pods = node.pods.flatMap((pod) => [pod.name, ...pod.ips]);
  return [node.id, ...node.podCidrs, ...(node.endpoint === null ? [] : [node.endpoint]), ...pods];
}
