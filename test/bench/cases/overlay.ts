/** What every case does: bring up its network over two nodes, and say between which ends it is to be measured. */
import type { NetworkNamespace } from '../../../deploy/demo/network-namespace.js';
import type { Lab } from '../lab.js';
import type { Node, NodePair } from '../node-pair.js';

export interface Ends {
  readonly client: NetworkNamespace;
  readonly server: NetworkNamespace;
  readonly serverAddress: string;
  /** Of the interface that the client sends through. */
  readonly podMtuBytes: number;
}

/** What it starts and makes belongs to the lab. */
export type BringUp = (lab: Lab, pair: NodePair) => Promise<Ends>;

/** A pod's network namespace, not attached to anything yet. */
export function createPod(lab: Lab, node: Node): Promise<NetworkNamespace> {
  return lab.createNamespace(`pod${node.plan.index}`);
}
