/** What every case does: bring up its network over two nodes, and say between which ends it is to be measured. */
import type { NetworkNamespace } from '../../../deploy/demo/machine/network-namespace.js';
import { waitUntil } from '../../../deploy/demo/async/wait-until.js';
import type { Lab } from '../lab.js';
import type { Node, NodePair } from '../node-pair.js';

const REACHABLE_TIMEOUT_MS = 20_000;

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

export async function waitReachable({ client, serverAddress }: Ends): Promise<void> {
  await waitUntil(`${serverAddress} reachable`, REACHABLE_TIMEOUT_MS, () =>
    client.run('ping', ['-n', '-q', '-c', '1', '-W', '1', serverAddress]),
  );
}
