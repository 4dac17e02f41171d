/** Port to the authority over which keys are nodes of the cluster, and over their pod CIDRs: Kubernetes. */
import type { Cidr } from '../../common/address/cidr.js';
import type { NodeId } from '../../common/node-id.js';
import type { NodeChange } from '../../mesh/index.js';

export interface NamedNode {
  readonly node: NodeId;
  readonly name: string;
  readonly podCidrs: readonly Cidr[];
}

export interface NodeAuthority {
  /** What it said before this process started. */
  readonly remembered: readonly NamedNode[];
  /**
   * The pod CIDRs of the node of this name, or null when that node has another key or does not exist. Undefined when there is no
   * answer now.
   */
  ask(node: NodeId, name: string, publicKey: Uint8Array): Promise<readonly Cidr[] | null | undefined>;
  /**
   * Watches all nodes, and tells of those that are gone or have another key, also of those that went before and whose key is
   * known. @returns the function that ends it
   */
  watch(onChange: (change: NodeChange) => void): () => void;
}
