/**
 * `meshctl` commands that show the same as the page. They are pasted into shells and names come from other nodes, so a name
 * with other characters than letters, digits, dots and hyphens is replaced by the node's id. Pure.
 */
import type { TopologyNode } from '../../../common/api.js';

const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9.-]*$/;
const NODE_ID = /^[0-9a-f]{32}$/;

export function commandsFor(node: TopologyNode): readonly string[] {
  if (node.self) return ['meshctl status', 'meshctl endpoints -o wide'];
  const key = [node.name, node.id].find((text) => PLAIN_NAME.test(text) || NODE_ID.test(text));
  return [key === undefined ? 'meshctl peers -o wide' : `meshctl peers ${key} -o wide`];
}
