/** A case of the benchmark: brings up its network over two nodes and gives the two ends to measure between. */
import type { NetworkNamespace } from '../../../deploy/demo/machine/network-namespace.js';
import { waitUntil } from '../../../deploy/demo/async/wait-until.js';
import type { Lab } from '../lab.js';
import type { Node, NodePair } from '../node-pair.js';

const REACHABLE_TIMEOUT_MS = 20_000;

export interface Ends {
  readonly client: NetworkNamespace;
  readonly server: NetworkNamespace;
  readonly serverAddress: string;
  /** MTU of the client's interface. */
  readonly podMtuBytes: number;
}

/** Processes and namespaces belong to the lab, which removes them. */
export type BringUp = (lab: Lab, pair: NodePair) => Promise<Ends>;

/** A pod's network namespace without an interface. */
export function createPod(lab: Lab, node: Node): Promise<NetworkNamespace> {
  return lab.createNamespace(`pod${node.plan.index}`);
}

export async function waitReachable({ client, serverAddress }: Ends): Promise<void> {
  await waitUntil(`${serverAddress} reachable`, REACHABLE_TIMEOUT_MS, () =>
    client.run('ping', ['-n', '-q', '-c', '1', '-W', '1', serverAddress]),
  );
}
